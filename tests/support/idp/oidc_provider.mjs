// A certified OpenID provider (npm oidc-provider) on a loopback port, with people and clients that
// are made up. Prints its issuer and an address for tests, and serves until its standard input ends.
//
//   node oidc_provider.mjs "$(tests/support/install-clients --print idp)" [FILE]
//
// Where FILE is named, the port, the keys and what has been granted stand there, so that the next one
// goes on where this one was killed.
//
// Below that address:
//   POST /person   {"name", "groups"?, "gone"?}   changes a person
//   POST /keys     signs with a new key from here on, and publishes both
//   POST /trouble  {"status"?, "delay"?, "path"?, "json"?, "cut"?}
//                                                 what every other request, or those below a path, get instead; or
//                                                 nothing, and the end of their connection
//   POST /proofs   {"offered"?, "nonce"?}   DPoP (RFC 9449): whether it is there, and wants a nonce of its own
//   POST /tokens   gives what the token endpoint has answered so far
//   POST /machine  {"gone"?, "groups"?, "seconds"?}   changes the clients "import", which has a key, and
//                  "import-certificate", which has a certificate: whether they are there, their groups, how long
//                  their tokens last. Gives the folder where those are, with what to trust for the certificate.
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import os from 'node:os';
import v8 from 'node:v8';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import path from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const installed = createRequire(path.join(process.argv[2], 'package.json'));
const program = installed.resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(program));

const people = new Map([
  ['alice', { groups: ['developers', 'release'] }],
  ['bob', { groups: ['developers'] }],
]);
let trouble = {};

function key() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: 'ES256', use: 'sig' };
}
const file = process.argv[3];
const kept = file && fs.existsSync(file)
  ? v8.deserialize(fs.readFileSync(file))
  : { port: 0, keys: [key()], granted: new Map() };
const { keys, granted } = kept;
function keep() {
  fs.writeFileSync(`${file}.new`, v8.serialize(kept));
  fs.renameSync(`${file}.new`, file);
}
let adapter;
if (file) {
  const memory = path.join(path.dirname(program), 'adapters/memory_adapter.js');
  const { default: Memory } = await import(pathToFileURL(memory));
  const store = {
    get: (name) => granted.get(name),
    set: (name, value) => { granted.set(name, value); keep(); },
    delete: (name) => { granted.delete(name); keep(); },
  };
  adapter = (model) => new Memory(model, store);
}

const proofs = { offered: true, nonce: false };
const nonceSecret = randomBytes(32);
const machine = { gone: false, groups: ['importers'], seconds: 300 };
const machineKey = generateKeyPairSync('ec', { namedCurve: 'P-256' });
let secrets; // a folder, once somebody asks for it
let byCertificate; // the address that asks for one, the same

const grants = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'];
const configuration = () => ({
  adapter,
  clients: [
    {
      client_id: 'workstation',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: grants,
      redirect_uris: ['http://127.0.0.1/signed-in'],
      id_token_signed_response_alg: 'ES256',
    },
    {
      client_id: 'build-server',
      client_secret: 'made-up-secret-of-a-test',
      grant_types: ['client_credentials'],
      id_token_signed_response_alg: 'ES256',
      redirect_uris: [],
      response_types: [],
    },
    ...(machine.gone ? [] : [
      {
        client_id: 'import',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [{ ...machineKey.publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] },
        grant_types: ['client_credentials'],
        id_token_signed_response_alg: 'ES256',
        redirect_uris: [],
        response_types: [],
      },
      {
        client_id: 'import-certificate',
        token_endpoint_auth_method: 'tls_client_auth',
        tls_client_auth_subject_dn: 'CN=import',
        grant_types: ['client_credentials'],
        id_token_signed_response_alg: 'ES256',
        redirect_uris: [],
        response_types: [],
      },
    ]),
  ],
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'tls_client_auth'],
  extraTokenClaims: (_, token) => (token.kind === 'ClientCredentials' ? { groups: machine.groups } : undefined),
  discovery: byCertificate && {
    mtls_endpoint_aliases: {
      token_endpoint: `${byCertificate}/token`,
      introspection_endpoint: `${byCertificate}/token/introspection`,
    },
  },
  jwks: { keys },
  claims: { openid: ['sub'], profile: ['preferred_username'], groups: ['groups'] },
  scopes: ['openid', 'offline_access', 'profile', 'groups'],
  conformIdTokenClaims: false,
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: proofs.offered, nonceSecret, requireNonce: () => proofs.nonce },
    mTLS: {
      enabled: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => {
        const raw = ctx.socket.getPeerCertificate?.().raw;
        return raw && new X509Certificate(raw).toString();
      },
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: (ctx, property, expected) => (
        new X509Certificate(ctx.socket.getPeerCertificate().raw).subject === expected),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://veilwire.test',
      useGrantedResource: () => true,
      getResourceServerInfo: (_, resource) => ({
        scope: 'openid profile groups',
        ...(resource === 'https://opaque.test'
          ? { accessTokenFormat: 'opaque' }
          : { accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
      }),
    },
  },
  ttl: { AccessToken: 300, IdToken: 300, ClientCredentials: () => machine.seconds, DeviceCode: 120, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  findAccount: (_, id) => {
    const person = people.get(id);
    if (!person || person.gone) return undefined;
    return {
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, groups: person.groups }),
    };
  },
  cookies: { keys: [randomUUID()] },
});

const server = http.createServer();
await new Promise((ready) => server.listen(kept.port, '127.0.0.1', ready));
kept.port = server.address().port;
const issuer = `http://127.0.0.1:${kept.port}`;
let provider = new Provider(issuer, configuration());

function certificate(name, more = []) {
  const file = (kind) => path.join(secrets, `${name}.${kind}`);
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('pem'), ...more,
  ], { stdio: 'ignore' });
  return { key: fs.readFileSync(file('key')), cert: fs.readFileSync(file('pem')) };
}
async function makeSecrets() {
  secrets = fs.mkdtempSync(path.join(os.tmpdir(), 'machine-'));
  process.on('exit', () => fs.rmSync(secrets, { recursive: true }));
  fs.writeFileSync(path.join(secrets, 'assertion.key'), machineKey.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o400 });
  const root = certificate('root');
  const by = ['-CA', path.join(secrets, 'root.pem'), '-CAkey', path.join(secrets, 'root.key'), '-addext', 'basicConstraints=CA:FALSE'];
  const own = certificate('localhost', [...by, '-addext', 'subjectAltName=DNS:localhost']);
  certificate('import', by);
  const tls = https.createServer({ ...own, ca: root.cert, requestCert: true, rejectUnauthorized: false });
  tls.on('request', (request, response) => provider.callback()(request, response));
  await new Promise((ready) => tls.listen(0, 'localhost', ready));
  byCertificate = `https://localhost:${tls.address().port}`;
}

const answers = [];
function note_answers(response) {
  const end = response.end.bind(response);
  response.end = (text, ...rest) => {
    if (response.statusCode === 200) answers.push(JSON.parse(text));
    return end(text, ...rest);
  };
}

async function body(request) {
  let text = '';
  for await (const piece of request) text += piece;
  return text === '' ? {} : JSON.parse(text);
}

server.on('request', async (request, response) => {
  if (request.url === '/token') note_answers(response);
  if (!request.url.startsWith('/test/')) {
    const { status, delay, path: below = '/', json, cut } = trouble;
    if (!request.url.startsWith(below)) return provider.callback()(request, response);
    if (delay) await new Promise((go) => setTimeout(go, delay));
    if (cut) return request.socket.destroy();
    if (!status) return provider.callback()(request, response);
    const type = json ? 'application/json' : 'text/html';
    return response.writeHead(status, { 'content-type': type }).end(json ? JSON.stringify(json) : '<h1>trouble</h1>');
  }
  const said = await body(request);
  if (request.url === '/test/tokens') return response.end(JSON.stringify(answers));
  if (request.url === '/test/person') people.set(said.name, { ...people.get(said.name), ...said });
  if (request.url === '/test/trouble') trouble = said;
  if (request.url === "/test/keys") {
    keys.unshift(key());
    provider = new Provider(issuer, { ...configuration(), adapter: undefined });
  }
  if (request.url === '/test/proofs') {
    Object.assign(proofs, said);
    provider = new Provider(issuer, configuration());
  }
  if (request.url === '/test/machine') {
    Object.assign(machine, said);
    if (!secrets) await makeSecrets();
    provider = new Provider(issuer, configuration());
    return response.end(secrets);
  }
  response.writeHead(204).end();
});

console.log(issuer, `${issuer}/test`);
process.stdin.on('end', () => process.exit(0)).resume();
