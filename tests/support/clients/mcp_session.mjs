// One conversation with an MCP server, the same over every transport: lists tools, calls one, prints what came.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';

export async function converse(transport, tool, toolArguments) {
  const client = new Client({ name: 'veilwire-test', version: '1.0.0' });
  try {
    await client.connect(transport);
    const { tools } = await client.listTools();
    console.log(JSON.stringify({ server: client.getServerVersion(), tools: tools.map((each) => each.name) }));
    const result = await client.callTool({ name: tool, arguments: toolArguments }, undefined, {
      onprogress: (progress) => console.log(JSON.stringify({ progress })),
    });
    console.log(JSON.stringify({ result }));
    await client.close();
  } catch (fault) {
    console.error(`${fault.constructor.name}: ${fault.message}`);
    process.exit(1);
  }
  process.exit(0);
}
