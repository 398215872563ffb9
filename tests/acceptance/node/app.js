// A device cloud as its developers write it: express, and the npm package actions-on-google.
// The only thing of ours in it is /control, by which the test plays the user who buys and renames devices.
'use strict';

const express = require('express');
const {smarthome} = require('actions-on-google');

const TOKEN = process.env.ACCESS_TOKEN;
const AGENT_USER_ID = 'user-from-node';

const TYPE = 'action.devices.types.';
const TRAIT = 'action.devices.traits.';

function device(id, type, traits, name, more = {}) {
  return {
    id,
    type: TYPE + type,
    traits: traits.map((trait) => TRAIT + trait),
    name: {name, defaultNames: [`Acme ${type}`], nicknames: [`the ${name}`]},
    willReportState: false,
    deviceInfo: {manufacturer: 'acme', model: type, hwVersion: '1.0', swVersion: '2.5'},
    ...more,
  };
}

const devices = [
  device('lamp', 'LIGHT', ['OnOff', 'Brightness', 'ColorSetting'], 'desk lamp', {
    roomHint: 'Office',
    attributes: {colorModel: 'rgb', colorTemperatureRange: {temperatureMinK: 2000, temperatureMaxK: 9000}},
  }),
  device('plug', 'OUTLET', ['OnOff'], 'heater plug', {customData: {bridge: 7, tags: ['a', 'b'], nested: {deep: null}}}),
  device('heating', 'THERMOSTAT', ['TemperatureSetting'], 'thermostat', {
    attributes: {availableThermostatModes: ['off', 'heat', 'cool', 'on'], thermostatTemperatureUnit: 'C'},
  }),
  device('door', 'LOCK', ['LockUnlock'], 'front door'),
  device('blinds', 'BLINDS', ['OpenClose'], 'Jalousie für die Küche', {
    attributes: {openDirection: ['UP', 'DOWN'], discreteOnlyOpenClose: false},
  }),
  device('fan', 'FAN', ['OnOff', 'FanSpeed'], 'ceiling fan', {
    attributes: {
      reversible: true,
      availableFanSpeeds: {
        ordered: true,
        speeds: [{speed_name: 'low', speed_values: [{speed_synonym: ['low', 'slow'], lang: 'en'}]}],
      },
    },
  }),
  device('robot', 'VACUUM', ['StartStop', 'Dock'], 'robot', {attributes: {pausable: true}}),
  device('camera', 'CAMERA', ['CameraStream'], 'porch camera', {
    attributes: {cameraStreamSupportedProtocols: ['hls', 'webrtc'], cameraStreamNeedAuthToken: true},
    otherDeviceIds: [{agentId: 'acme-app', deviceId: 'camera-local'}],
  }),
  device('evening', 'SCENE', ['Scene'], 'evening', {attributes: {sceneReversible: true}}),
  device('air', 'SENSOR', ['SensorState'], 'air sensor', {
    attributes: {
      sensorStatesSupported: [{name: 'CarbonDioxideLevel', numericCapabilities: {rawValueUnit: 'PARTS_PER_MILLION'}}],
    },
  }),
];

const fulfillment = smarthome();
fulfillment.onSync((body) => ({
  requestId: body.requestId,
  payload: {agentUserId: AGENT_USER_ID, devices},
}));

const app = express();
app.use(express.json());

app.post('/smarthome', (request, response, next) => {
  if (request.get('authorization') !== `Bearer ${TOKEN}`) {
    response.status(401).json({error: 'invalid_token'});
    return;
  }
  next();
}, fulfillment);

app.get('/control/devices', (request, response) => response.json(devices));

app.post('/control/add', (request, response) => {
  const {id, name} = request.body;
  devices.push(device(id, 'SWITCH', ['OnOff'], name));
  response.json({});
});

app.post('/control/rename', (request, response) => {
  const {id, name} = request.body;
  devices.find((one) => one.id === id).name.name = name;
  response.json({});
});

const server = app.listen(0, '127.0.0.1', () => console.log(`listening on ${server.address().port}`));
