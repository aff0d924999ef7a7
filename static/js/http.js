// Requests to the server; a failure is an Error whose message is a sentence to show.

export async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw Object.assign(new Error(answer.detail ?? unexplained(response.status)), { status: response.status });
}

/** What there is to say where an answer does not: it came from something before the server. */
function unexplained(status) {
  if (status === 413) return "The photograph is larger than what stands before the server lets through.";
  return `The server answered ${status}.${status < 500 ? "" : " Try again in a moment."}`;
}
