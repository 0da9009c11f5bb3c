// A transmitter of security events (RFC 8936) on a loopback port: it keeps what it is told to send until that is
// acknowledged, in tokens of its own signing. Prints its issuer and an address for tests, and serves until its standard
// input ends.
//
//   node transmitter.mjs
//
// GET /.well-known/ssf-configuration names its key set, /keys; POST /events is polled, with `Authorization: Bearer
// made-up-token-of-a-test`. An answer that may be held waits for an event for a moment. Below the address for tests:
//   POST /event    {"type", "event"?, "subject", "id"?, "audience"?, "key"?}   an event to send; key "new" signs
//                  with one that is published behind the next request for keys
//   POST /settled  {}   what became of events since the last time: {"acknowledged": [], "refused": {}}
import http from 'node:http';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';

const audience = 'https://veilwire.test/events';
const bearer = 'Bearer made-up-token-of-a-test';
const held = 300; // milliseconds

function newKey() {
  return { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }), kid: randomUUID() };
}
let key = newKey();
const published = [key];
let unpublished = null;

const waiting = new Map(); // what has not been acknowledged, by id
let settled = { acknowledged: [], refused: {} };
let wake = () => {};

const server = http.createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function signed(claims) {
  const input = `${encoded({ typ: 'secevent+jwt', alg: 'ES256', kid: key.kid })}.${encoded(claims)}`;
  const signature = sign('sha256', input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

function send(said) {
  const id = said.id ?? randomUUID();
  if (said.key === 'new') {
    key = newKey();
    unpublished = key;
  }
  const now = Math.floor(Date.now() / 1000);
  waiting.set(id, signed({
    iss: issuer, jti: id, iat: now, aud: said.audience ?? audience, sub_id: said.subject,
    events: { [said.type]: { event_timestamp: now, ...said.event } },
  }));
  wake();
}

async function poll(asked) {
  for (const id of asked.ack ?? []) {
    if (waiting.delete(id)) settled.acknowledged.push(id);
  }
  for (const [id, error] of Object.entries(asked.setErrs ?? {})) {
    if (waiting.delete(id)) settled.refused[id] = error;
  }
  if (waiting.size === 0 && !asked.returnImmediately && asked.maxEvents !== 0) {
    await new Promise((go) => {
      wake = go;
      setTimeout(go, held);
    });
  }
  const sets = [...waiting].slice(0, asked.maxEvents ?? 100);
  return { sets: Object.fromEntries(sets), moreAvailable: sets.length < waiting.size };
}

function keys() {
  const set = published.map(({ publicKey, kid }) => ({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }));
  if (unpublished) published.push(unpublished);
  unpublished = null;
  return { keys: set };
}

async function answer(request) {
  let text = '';
  for await (const piece of request) text += piece;
  const said = text === '' ? {} : JSON.parse(text);
  switch (request.url) {
    case '/.well-known/ssf-configuration':
      return [200, { issuer, jwks_uri: `${issuer}/keys` }];
    case '/keys':
      return [200, keys()];
    case '/events':
      if (request.headers.authorization !== bearer) return [401, { error: 'invalid_token' }];
      if (request.headers['content-type'] !== 'application/json') return [415, {}];
      return [200, await poll(said)];
    case '/test/event':
      send(said);
      return [200, {}];
    case '/test/settled': {
      const before = settled;
      settled = { acknowledged: [], refused: {} };
      return [200, before];
    }
  }
  return [404, {}];
}

server.on('request', async (request, response) => {
  const [status, body] = await answer(request);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});

console.log(issuer, `${issuer}/test`);
process.stdin.on('end', () => process.exit(0)).resume();
