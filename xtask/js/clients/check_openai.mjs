// The client `openai`.

import OpenAI from "openai";
import { run } from "./checks.mjs";

const connect = ({ url, key }) => new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const body = ({ model }, { maxTokens, ...options }) => ({ model, max_tokens: maxTokens, ...options });

await run({
  status: (error) => error instanceof OpenAI.APIError && error.status,

  async models(server) {
    const names = [];
    for await (const model of connect(server).models.list()) names.push(model.id);
    return names;
  },

  async complete(server, prompt, options) {
    const answer = await connect(server).completions.create({ prompt, ...body(server, options) });
    return answer.choices[0].text;
  },

  async *streamCompletion(server, prompt, options) {
    const parameters = { prompt, stream: true, ...body(server, options) };
    for await (const chunk of await connect(server).completions.create(parameters)) yield chunk.choices[0].text;
  },

  async chat(server, messages, options) {
    const answer = await connect(server).chat.completions.create({ messages, ...body(server, options) });
    return answer.choices[0].message.content;
  },

  async *streamChat(server, messages, options, signal) {
    const parameters = { messages, stream: true, ...body(server, options) };
    const stream = await connect(server).chat.completions.create(parameters, { signal });
    for await (const chunk of stream) yield chunk.choices[0].delta.content ?? "";
  },
});
