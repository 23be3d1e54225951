"""Fields that take what their name says, and nothing that could be made into it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.fields import SkipField


class TextField(serializers.CharField):
    """A text; a number is none."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class NameField(serializers.CharField):
    """A name that its maker may have made out of a number, such as `Date.now()`."""


class _Optional(serializers.CharField):
    """It may be missing; null says no more than that."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def validate_empty_values(self, data: Any) -> tuple[bool, Any]:
        """As the base class does, but that null leaves the field out."""
        if data is None:
            raise SkipField
        return super().validate_empty_values(data)


class OptionalTextField(_Optional, TextField):
    """A text that may be missing, or empty."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, **kwargs)


class OptionalNameField(_Optional, NameField):
    """A name that may be missing."""


class ProbabilityField(serializers.FloatField):
    """A number from 0 to 1, written as one."""

    default_error_messages = {"invalid": "Write a number from 0 to 1."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=1, **kwargs)

    def to_internal_value(self, data: Any) -> float:
        is_number = isinstance(data, int | float) and not isinstance(data, bool)
        if not is_number or not 0 <= data <= 1:
            self.fail("invalid")
        return float(data)
