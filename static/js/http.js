// Requests to the server; a failure is an Error whose message is a sentence to show.

const PATIENCE = 5000; // ms for an answer that should come at once

/** What the server says is wrong; nothing, if the answer is not its own. */
async function told(response) {
  return (await response.json().catch(() => ({}))).detail;
}

/** What to make of an answer that is not the server's. */
function guessed(status) {
  if (status === 413) {
    return "The proxy in front of the server limits the size of uploads. Use a smaller photograph, or have the limit raised.";
  }
  const mayChange = [429, 502, 503, 504].includes(status);
  return `The proxy in front of the server answered ${status}.${mayChange ? " Try again in a moment." : ""}`;
}

export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  if (response.ok) return response;
  throw new Error((await told(response)) ?? guessed(response.status));
}

/** Why the server has no session for us, or null if it is away. Browsers do not say, nor whose page asks by GET. */
export async function whyNoSession() {
  const path = `ws?${new URLSearchParams({ origin: location.origin })}`;
  const response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
  return response && ((await told(response)) ?? (response.status < 500 ? guessed(response.status) : null));
}
