// The official TypeScript SDK as its README shows it: no base URL, no proxy, no option. Prints what a user would see.
import Anthropic from '@anthropic-ai/sdk';

const [prompt] = process.argv.slice(2);
const client = new Anthropic({ maxRetries: 0 });
const stream = client.messages.stream({
  model: 'claude-demo-1',
  max_tokens: 64,
  messages: [{ role: 'user', content: prompt }],
});
stream.on('text', (text) => process.stdout.write(text));
stream.on('inputJson', (json) => process.stdout.write(json));
stream.on('thinking', (text) => process.stdout.write(text));
try {
  const message = await stream.finalMessage();
  process.stdout.write('\n' + JSON.stringify(message) + '\n');
} catch (fault) {
  process.stdout.write('\n');
  console.error(`${fault.constructor.name}: ${fault.message}`);
  process.exit(1);
}
