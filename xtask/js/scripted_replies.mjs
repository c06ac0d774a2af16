// Answers to the page's requests that a small model cannot be made to give: chat replies, hostile
// text, split characters, errors, a broken connection. They are given by intercepting the request
// in the browser; the page itself cannot tell.

const MODEL = { n_params: 1e6, n_ctx: 512, dtype: "f32" };

/** Lets the server's list contain one model that can chat, or that cannot. */
export const listModel = (page, id, has_chat_template) => page.route("**/v1/models", (route) => route.fulfill({
  json: { object: "list", data: [{ id, object: "model", meta: { ...MODEL, has_chat_template } }] },
}));

/**
 * Answers chat requests with these tokens, a list of [text, bytes, alternatives] or of texts. Without
 * `finish_reason` the connection ends early.
 */
export const chatReply = (tokens, { text, seed = 7, finish_reason = "stop" } = {}) => {
  const events = [{ delta: { role: "assistant", content: "" } }];
  for (const token of tokens) {
    const [piece, bytes, alternatives] = Array.isArray(token) ? token : [token];
    const one = { token: piece, logprob: -1.5, bytes: bytes ?? [...new TextEncoder().encode(piece)] };
    const others = (alternatives ?? ["other"]).map((token, i) => ({ token, logprob: -2 - i, bytes: null }));
    const content = text === undefined ? piece : "";
    events.push({ delta: { content }, logprobs: { content: [{ ...one, top_logprobs: [one, ...others] }] } });
  }
  if (text !== undefined) events.push({ delta: { content: text } });
  if (finish_reason) events.push({ delta: {}, finish_reason, seed });
  const lines = events.map((choice) => ({ choices: [{ index: 0, finish_reason: null, ...choice }] }));
  if (finish_reason) lines.push({ choices: [], usage: { prompt_tokens: 9, completion_tokens: tokens.length } });
  const body = lines.map((line) => `data: ${JSON.stringify({ id: "c", ...line })}\n\n`).join("");
  return { status: 200, contentType: "text/event-stream", body: finish_reason ? `${body}data: [DONE]\n\n` : body };
};

/** Answers chat requests with these answers in turn, then always with the last. */
export const answerChats = async (page, ...answers) => {
  const requests = [];
  await page.unroute("**/v1/chat/completions");
  await page.route("**/v1/chat/completions", (route) => {
    requests.push(route.request().postDataJSON());
    return route.fulfill(answers.length > 1 ? answers.shift() : answers[0]);
  });
  return requests;
};

/** An error in the form of the API. */
export const error = (status, message, param = null) => ({
  status, json: { error: { message, type: "invalid_request_error", param, code: null } },
});

/** Lets requests to the API through only with this key. */
export const requireKey = (page, key) => page.route("**/v1/**", (route) => {
  const given = route.request().headers().authorization;
  return given === `Bearer ${key}` ? route.continue() : route.fulfill(error(401, "the key is missing or wrong"));
});
