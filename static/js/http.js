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
  throw new Error(answer.detail ?? `The server answered ${response.status}. Try again in a moment.`);
}
