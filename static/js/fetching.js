/** Parts of pages from the server. */

/** The elements of a part, or null when it could not be read. */
export async function fetchPart(url, options = {}) {
  let response;
  try {
    response = await fetch(url, {
      cache: "no-store",
      ...options,
      headers: { "X-Partial": "1", ...options.headers },
    });
  } catch {
    return null; // no network; the next look tries again
  }
  if (response.redirected && response.url.includes("/login/")) {
    location.reload();
    return null;
  }
  const text = await response.text();
  if (!response.ok) {
    const isPlain = response.headers.get("Content-Type")?.startsWith("text/plain");
    throw new PartError(isPlain ? text : "", response.status);
  }
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content;
}

/** The server said no; the message is fit to be shown, or empty. */
export class PartError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}
