// The official MCP SDK over Streamable HTTP: mcp_http.mjs URL TOOL JSON-ARGUMENTS
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { converse } from './mcp_session.mjs';

const [url, tool, toolArguments = '{}'] = process.argv.slice(2);
await converse(new StreamableHTTPClientTransport(new URL(url)), tool, JSON.parse(toolArguments));
