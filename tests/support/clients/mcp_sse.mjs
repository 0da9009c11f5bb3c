// The official MCP SDK over the older HTTP+SSE transport: mcp_sse.mjs URL TOOL JSON-ARGUMENTS
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { converse } from './mcp_session.mjs';

const [url, tool, toolArguments = '{}'] = process.argv.slice(2);
await converse(new SSEClientTransport(new URL(url)), tool, JSON.parse(toolArguments));
