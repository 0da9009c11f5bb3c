// The official TypeScript SDK without streaming; prints the message.
import Anthropic from '@anthropic-ai/sdk';

const [prompt] = process.argv.slice(2);
const client = new Anthropic({ maxRetries: 0 });
try {
  const message = await client.messages.create({
    model: 'claude-demo-1',
    max_tokens: 64,
    messages: [{ role: 'user', content: prompt }],
  });
  console.log(JSON.stringify(message));
} catch (fault) {
  console.error(`${fault.constructor.name}: ${fault.message}`);
  process.exit(1);
}
