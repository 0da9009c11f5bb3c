// The official TypeScript SDK in a conversation with tools, streamed and whole in turns: sdk_tools.mjs PROMPT FILE TURNS
// Goes on from FILE where it holds a conversation, and leaves it there after TURNS requests. Prints how many answers it
// has had, and how the last one ended.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import Anthropic from '@anthropic-ai/sdk';

const [prompt, file, turns] = process.argv.slice(2);
const client = new Anthropic({ maxRetries: 0 });
const messages = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [{ role: 'user', content: prompt }];
const request = {
  model: 'claude-demo-1',
  max_tokens: 4096,
  thinking: { type: 'enabled', budget_tokens: 1024 },
  system: 'You write tokens with a tool.',
  tools: [{ name: 'Bash', description: 'Runs a command.', input_schema: { type: 'object', properties: { command: { type: 'string' } } } }],
  messages,
};
let answers = 0;
let reason = '';
try {
  while (answers < Number(turns) && reason !== 'end_turn') {
    const message =
      answers % 2 === 0 ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
    answers += 1;
    reason = message.stop_reason;
    messages.push({ role: 'assistant', content: message.content });
    const results = message.content
      .filter((block) => block.type === 'tool_use')
      .map((block) => ({ type: 'tool_result', tool_use_id: block.id, content: `ran ${block.input.command}` }));
    if (results.length) messages.push({ role: 'user', content: results });
  }
} catch (fault) {
  console.error(`${fault.constructor.name}: ${fault.message}`);
  process.exit(1);
}
writeFileSync(file, JSON.stringify(messages));
console.log(JSON.stringify({ answers, reason, messages }));
