// The AI SDK: the packages `ai` and `@ai-sdk/openai-compatible`.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, generateText, streamText } from "ai";
import { run } from "./checks.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const connect = ({ url, key }) => createOpenAICompatible({ name: "wolfgang", baseURL: `${url}/v1`, apiKey: key });
const settings = ({ maxTokens, ...options }) => ({
  maxOutputTokens: maxTokens,
  maxRetries: 0,
  allowSystemInMessages: true,
  ...options,
});

async function* stream(parameters) {
  let failure;
  const { textStream } = streamText({ onError: ({ error }) => (failure = error), ...parameters });
  yield* textStream;
  if (failure) throw failure;
}

await run({
  status: (error) => APICallError.isInstance(error) && error.statusCode,

  models: () => null,

  // It has only chats, and writes them as a text for models without.
  sentPrompt: (prompt) => `user:\n${prompt}\n\nassistant:\n`,

  async complete(server, prompt, options) {
    const model = connect(server).completionModel(server.model);
    return (await generateText({ model, prompt, ...settings(options) })).text;
  },

  streamCompletion(server, prompt, options) {
    const model = connect(server).completionModel(server.model);
    return stream({ model, prompt, ...settings(options) });
  },

  async chat(server, messages, options) {
    const model = connect(server).chatModel(server.model);
    return (await generateText({ model, messages, ...settings(options) })).text;
  },

  streamChat(server, messages, options, abortSignal) {
    const model = connect(server).chatModel(server.model);
    return stream({ model, messages, abortSignal, ...settings(options) });
  },
});
