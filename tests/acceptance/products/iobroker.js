// The SYNC answer of iobroker.iot for a house of devices that its own detector recognises.
//
// The package's own class finds the devices and makes the answer. Ours is only the edge that ioBroker would be: a store of objects.
"use strict";

const { default: GoogleHome } = require("iobroker.iot/build/lib/googleHome.js");

const state = (role, type, more) => ({ type: "state", common: { role, type, read: true, write: true, ...more } });
const number = (role, more) => state(role, "number", { min: 0, max: 100, ...more });

// Channels by their name: the states that make the detector see a light, a thermostat, ...
const CHANNELS = {
  lamp: { on: state("switch.light", "boolean") },
  dimmer: { level: number("level.dimmer", { unit: "%" }), on: state("switch.light", "boolean") },
  white: { temperature: number("level.color.temperature", { min: 2200, max: 6500 }), level: number("level.brightness"), on: state("switch.light", "boolean") },
  rgb: { red: number("level.color.red"), green: number("level.color.green"), blue: number("level.color.blue"), on: state("switch.light", "boolean") },
  color: { rgb: state("level.color.rgb", "string"), level: number("level.brightness"), on: state("switch.light", "boolean") },
  hue: { hue: number("level.color.hue", { max: 360 }), level: number("level.brightness"), on: state("switch.light", "boolean") },
  plug: { on: state("switch", "boolean") },
  blind: { level: number("level.blind"), stop: state("button.stop.blind", "boolean", { read: false }) },
  window: { open: state("sensor.window", "boolean", { write: false }) },
  door: { open: state("sensor.door", "boolean", { write: false }) },
  tilt: { tilt: number("value.window", { max: 2, write: false, states: { 0: "closed", 1: "tilted", 2: "open" } }) },
  climate: { set: number("level.temperature", { min: 5, max: 30, unit: "°C" }), actual: number("value.temperature", { write: false, unit: "°C" }) },
  outside: { actual: number("value.temperature", { write: false, unit: "°C" }) },
  button: { press: state("button", "boolean", { read: false }) },
  slider: { level: number("level") },
  player: { state: number("media.state", { max: 2, states: { 0: "pause", 1: "play", 2: "stop" } }), volume: number("level.volume"), mute: state("media.mute", "boolean"), play: state("button.play", "boolean"), pause: state("button.pause", "boolean"), next: state("button.next", "boolean"), prev: state("button.prev", "boolean") },
};

function objects() {
  const rows = { state: [], channel: [], device: [], enum: [] };
  const add = (id, object) => rows[object.type].push({ value: { _id: id, ...object } });
  const members = [];
  for (const [name, states] of Object.entries(CHANNELS)) {
    const channel = `test.0.${name}`;
    members.push(channel);
    add(channel, { type: "channel", common: { name: `The ${name}` } });
    for (const [last, object] of Object.entries(states)) {
      object.common.name = `${name} ${last}`;
      add(`${channel}.${last}`, object);
    }
  }
  add("enum.rooms.living", { type: "enum", common: { name: "Living room", members } });
  add("enum.functions.things", { type: "enum", common: { name: "Things", members } });
  return rows;
}

async function main() {
  const rows = objects();
  const all = Object.fromEntries(Object.values(rows).flat().map((row) => [row.value._id, row.value]));
  const nothing = () => undefined;
  const adapter = {
    config: { login: "user@example.com", noCommon: false },
    namespace: "iot.0",
    version: "7.1.1",
    log: { debug: nothing, info: nothing, silly: nothing, warn: console.error, error: console.error },
    getObjectViewAsync: async (_design, type) => ({ rows: rows[type] }),
    getForeignObjectAsync: async (id) => all[id],
    getForeignStateAsync: async () => undefined,
    setForeignStateAsync: async () => undefined,
    extendForeignObjectAsync: async () => undefined,
    subscribeForeignStatesAsync: async () => undefined,
    unsubscribeForeignStatesAsync: async () => undefined,
  };
  const home = new GoogleHome(adapter, "");
  home.setLanguage("en");
  await home.updateDevices();
  const request = { requestId: "6894439706274654512", inputs: [{ intent: "action.devices.SYNC" }] };
  process.stdout.write(JSON.stringify(await home.process(request, true)));
  process.exitCode = 0;
  clearTimeout(home.tasksTimer);
}

main();
