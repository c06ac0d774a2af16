// What `cargo xtask check-clients` checks of every JavaScript client.
//
// A client's script passes an object with these functions to `run`. `server` says where to send the request, and
// `options` are maxTokens, seed and temperature.
//
// - models(server): the names of the models; null if the client cannot list them
// - complete(server, prompt, options) and chat(server, messages, options): the text of the answer
// - streamCompletion and streamChat, likewise, and an AbortSignal: an iterable over the pieces of the text
// - sentPrompt(prompt): what it makes of a prompt, if that is not the prompt
// - status(error): the status code of an error that the client throws

import assert from "node:assert/strict";

const PROMPT = "Habe nun, ach! Philosophie,";
const MESSAGES = [
  { role: "system", content: "Du bist Johann Wolfgang von Goethe." },
  { role: "user", content: "Wer reitet so spät durch Nacht und Wind?" },
];
const OPTIONS = { maxTokens: 48, seed: 7, temperature: 0.9 };

// The chat server needs several seconds for this many tokens.
const LONG_OPTIONS = { maxTokens: 2000, seed: 7, temperature: 0 };

// Milliseconds until an abandoned request must have ended.
const ABORTED_WITHIN = 1000;

// The answer to a request without any client.
async function request(server, path, body) {
  const headers = { authorization: `Bearer ${server.key}`, "content-type": "application/json" };
  const method = body === undefined ? "GET" : "POST";
  const answer = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: status ${answer.status}`);
  return answer.text();
}

async function plain(server, path, body) {
  const { maxTokens: max_tokens, ...options } = OPTIONS;
  const answer = JSON.parse(await request(server, path, { model: server.model, max_tokens, ...options, ...body }));
  return answer.choices[0];
}

// How many requests the server computes.
async function running(server) {
  const metrics = await request(server, "/metrics");
  return Number(/^wolfgang_num_requests_running(?:\{.*\})? (\S+)$/m.exec(metrics)[1]);
}

async function collected(pieces) {
  const all = [];
  for await (const piece of pieces) all.push(piece);
  return all;
}

async function streamed(stream, whole) {
  const pieces = await collected(stream);
  assert.ok(pieces.length > 1, `${pieces.length} pieces`);
  assert.equal(pieces.join(""), whole);
}

async function fails(client, status, call) {
  try {
    await call();
  } catch (error) {
    assert.equal(client.status(error), status, String(error));
    return;
  }
  assert.fail(`expected an error with status ${status}`);
}

const CHECKS = {
  "models list": async (client, base) => {
    const names = await client.models(base);
    if (names === null) return "not offered by the client";
    assert.deepEqual(names, [base.model]);
  },
  completion: async (client, base) => {
    const prompt = client.sentPrompt?.(PROMPT) ?? PROMPT;
    const { text } = await plain(base, "/v1/completions", { prompt });
    assert.equal(await client.complete(base, PROMPT, OPTIONS), text);
  },
  "completion, streamed": async (client, base) => {
    const whole = await client.complete(base, PROMPT, OPTIONS);
    await streamed(client.streamCompletion(base, PROMPT, OPTIONS), whole);
  },
  chat: async (client, base, chat) => {
    const { message } = await plain(chat, "/v1/chat/completions", { messages: MESSAGES });
    assert.equal(await client.chat(chat, MESSAGES, OPTIONS), message.content);
  },
  "chat, streamed": async (client, base, chat) => {
    const whole = await client.chat(chat, MESSAGES, OPTIONS);
    await streamed(client.streamChat(chat, MESSAGES, OPTIONS), whole);
  },
  seed: async (client, base) => {
    const first = await client.complete(base, PROMPT, OPTIONS);
    assert.equal(await client.complete(base, PROMPT, OPTIONS), first);
    assert.notEqual(await client.complete(base, PROMPT, { ...OPTIONS, seed: 8 }), first);
  },
  "errors 400, 401, 404": async (client, base, chat) => {
    const unknown = { ...base, model: "no-such-model" };
    await fails(client, 404, () => client.complete(unknown, PROMPT, OPTIONS));
    await fails(client, 404, () => collected(client.streamCompletion(unknown, PROMPT, OPTIONS)));
    await fails(client, 400, () => client.complete(base, PROMPT, { ...OPTIONS, temperature: -1 }));
    await fails(client, 400, () => client.complete(base, PROMPT.repeat(1000), OPTIONS));
    await fails(client, 401, () => client.chat({ ...chat, key: "wrong" }, MESSAGES, OPTIONS));
  },
  abort: async (client, base, chat) => {
    const controller = new AbortController();
    const stream = client.streamChat(chat, MESSAGES, LONG_OPTIONS, controller.signal)[Symbol.asyncIterator]();
    assert.equal((await stream.next()).done, false);
    assert.equal(await running(chat), 1);
    controller.abort();
    const start = performance.now();
    while ((await running(chat)) > 0) {
      assert.ok(performance.now() - start < ABORTED_WITHIN, "the server still computes the abandoned request");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  },
};

export async function run(client) {
  const servers = JSON.parse(process.argv[2]);
  for (const server of servers) server.model = JSON.parse(await request(server, "/v1/models")).data[0].id;
  for (const [name, check] of Object.entries(CHECKS)) {
    const note = await check(client, ...servers);
    console.log(note === undefined ? name : `${name}: ${note}`);
  }
}
