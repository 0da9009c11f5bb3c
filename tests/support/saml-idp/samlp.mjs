// A SAML 2.0 identity provider (npm samlp) on a loopback port, with a key of this run and one person
// who is always signed in. Prints its entity id and where it can be told things as the first line,
// and serves until its standard input ends.
//
//   node samlp.mjs "$(tests/support/install-clients --print saml-idp)"
//
//   GET  /metadata
//   GET  /login?SAMLRequest=...&RelayState=...   the page that posts a response to the callback
//   POST /test/person   {"id"?, "format"?, "groups"?}   changes the person
//   POST /test/options  {...}                           options of samlp, such as signResponse
//   POST /test/key      {}                              signs with a new key from here on
import http from 'node:http';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';

const samlp = createRequire(path.join(process.argv[2], 'package.json'))('samlp');

function key() {
  const pem = execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj',
    '/CN=idp', '-keyout', '-', '-out', '-'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  const part = (name) => pem.match(new RegExp(`-----BEGIN ${name}-----[^]*-----END ${name}-----`))[0];
  return { key: part('PRIVATE KEY'), cert: part('CERTIFICATE') };
}

let pair = key();
let options = {};
const person = { id: '7f3c', format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  groups: ['staff', 'developers'] };

function mapper(user) {
  return {
    getClaims: () => ({ uid: 'alice', mail: 'alice@example.com', groups: user.groups }),
    getNameIdentifier: () => ({ nameIdentifier: user.id, nameIdentifierFormat: user.format }),
  };
}
mapper.prototype.metadata = [];

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString() || '{}');
}

let issuer;
const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, issuer);
  // As express has them, for which samlp is written.
  request.query = Object.fromEntries(url.searchParams);
  request.originalUrl = request.url;
  request.protocol = 'http';
  response.set = (name, value) => response.setHeader(name, value);
  response.send = (...said) => {
    if (said.length > 1) response.statusCode = said[0];
    response.end(String(said.at(-1)));
  };
  const failed = (error) => response.writeHead(500).end(String(error));
  if (url.pathname === '/metadata')
    return samlp.metadata({ issuer, cert: pair.cert, profileMapper: mapper, redirectEndpointPath: '/login',
      postEndpointPath: '/login' })(request, response);
  if (url.pathname === '/login') {
    return samlp.parseRequest(request, {}, (error, wanted) => {
      if (error || !wanted) return failed(error);
      const callback = wanted.assertionConsumerServiceURL;
      samlp.auth({ issuer, ...pair, profileMapper: mapper, getUserFromRequest: () => person, recipient: callback,
        destination: callback, lifetimeInSeconds: 300, sessionIndex: '_session1',
        authnContextClassRef: 'urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport',
        getPostURL: (audience, dom, asked, done) => done(null, callback), ...options })(request, response, failed);
    });
  }
  const said = await body(request);
  if (url.pathname === '/test/person') Object.assign(person, said);
  if (url.pathname === '/test/options') options = said;
  if (url.pathname === '/test/key') pair = key();
  response.writeHead(204).end();
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  console.log(issuer, `${issuer}/test`);
});
process.stdin.on('end', () => process.exit(0)).resume();
