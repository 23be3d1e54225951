from core import memory


def test_free_memory_can_be_given_back_any_time():
    memory.give_back()
    memory.give_back()
