// A program that calls the HomeGraph API by Google's library: the calls come in on stdin, what became of them goes to stdout.
//
//   node calls.js URL KEY_FILE token|signed < [{"resource": …, "method": …, "parameters": {…}}, …]
//
// "token" fetches access tokens where the key file says: the library itself knows only Google's own address and does not read
// token_uri, so its requests for tokens are turned round on their way. "signed" fetches none: the library signs every call
// with the scope, which takes one line.

const fs = require('fs');
const {auth, homegraph} = require('@googleapis/homegraph');

const SCOPE = 'https://www.googleapis.com/auth/homegraph';

async function clientOf(keyFile, way) {
  const client = await new auth.GoogleAuth({keyFile, scopes: [SCOPE]}).getClient();
  if (way === 'signed') {
    client.useJWTAccessWithScope = true;
  }
  if (way === 'token') {
    const {token_uri: tokenUri} = JSON.parse(fs.readFileSync(keyFile, 'utf8'));
    client.transporter.interceptors.request.add({
      resolved: async config => {
        if (String(config.url) === 'https://oauth2.googleapis.com/token') {
          config.url = new URL(tokenUri);
        }
        return config;
      },
    });
  }
  return client;
}

async function carryOut(service, {resource, method, parameters}) {
  try {
    const answer = await service[resource][method](parameters);
    return {status: answer.status, data: answer.data};
  } catch (error) {
    const response = error.response;
    return {status: error.status, code: error.code, message: error.message, data: response && response.data};
  }
}

async function main(url, keyFile, way) {
  const client = await clientOf(keyFile, way);
  const service = homegraph({version: 'v1', auth: client, rootUrl: `${url}/`});
  const outcomes = [];
  for (const call of JSON.parse(fs.readFileSync(0, 'utf8'))) {
    outcomes.push(await carryOut(service, call));
  }
  process.stdout.write(JSON.stringify(outcomes));
}

main(...process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exitCode = 1;
});
