// An OAuth server that was written by others (the npm package oidc-provider), with a fulfillment behind it that asks it about every token.
// Prints where it listens, reads one line of JSON, {"redirect_uri", "auth"}, and answers from then on.
// /later?seconds=N moves the clock of this process; /held tells the newest refresh token, for whoever wants to revoke it.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

let ahead = 0;
const now = Date.now;
Date.now = () => now() + ahead * 1000;

const found = createRequire(process.env.NODE_PATH + '/').resolve('oidc-provider');
const { Provider } = await import(pathToFileURL(found));

const server = createServer();
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}`;
console.log(url);

const lines = createInterface({ input: process.stdin });
const { value } = await lines[Symbol.asyncIterator]().next();
const { redirect_uri, auth } = JSON.parse(value);

const provider = new Provider(url, {
  clients: [{
    client_id: 'homegraph',
    client_secret: 'a/+=%& secret',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: auth,
  }],
  scopes: ['openid', 'home'],
  features: { revocation: { enabled: true }, devInteractions: { enabled: true } },
  pkce: { required: () => true },
  issueRefreshToken: async () => true,
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, RefreshToken: 86400, Grant: 86400, Session: 86400, Interaction: 600 },
});

const events = [];
let held = '';
provider.on('refresh_token.saved', (token) => { held = token.jti; });
const way = (ctx) => (ctx.headers.authorization ?? 'body').split(' ')[0].toLowerCase();
provider.on('grant.success', (ctx) => events.push(`${ctx.oidc.params.grant_type} by ${way(ctx)}`));
provider.on('grant.error', (ctx, error) => events.push(`${ctx.oidc.params?.grant_type}: ${error.message} ${error.error_detail ?? ''}`));

const lamp = {
  id: 'lamp',
  type: 'action.devices.types.LIGHT',
  traits: ['action.devices.traits.OnOff'],
  name: { name: 'Lamp' },
  willReportState: false,
};

async function fulfill(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const [, bearer = ''] = (request.headers.authorization ?? '').split(' ');
  const token = await provider.AccessToken.find(bearer);
  if (!token || token.isExpired) return answer(response, 401, { error: 'invalid_token' });
  const { requestId, inputs: [{ intent }] } = JSON.parse(Buffer.concat(parts));
  const payload = intent.endsWith('SYNC')
    ? { agentUserId: token.accountId, devices: [lamp] }
    : { devices: { lamp: { online: true, status: 'SUCCESS', on: true } } };
  return answer(response, 200, { requestId, payload });
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const oauth = provider.callback();
server.on('request', (request, response) => {
  const { pathname, searchParams } = new URL(request.url, url);
  if (pathname === '/smarthome') return fulfill(request, response);
  if (pathname === '/later') { ahead += Number(searchParams.get('seconds')); return answer(response, 200, {}); }
  if (pathname === '/held') return answer(response, 200, { token: held, events });
  return oauth(request, response);
});
console.log('ready');
