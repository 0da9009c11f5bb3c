"""A demonstration upstream: plays api.anthropic.com and a remote MCP server, byte by byte as a test asks.

Standard library only, and HTTP/1.1 written by hand, because the tests are about exact bytes: where a chunk ends,
which coding is flushed when, and what a broken server sends. Started by ../demo_upstream.py; tested by
tests/e2e/direct_test.py, which runs every real client against it without the agent.
"""
