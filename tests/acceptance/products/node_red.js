// The SYNC answer of node-red-contrib-google-smarthome for one device of every type that its editor offers.
//
// The package's own node makes each device from the values that its own editor fills in; its own HTTP action makes the answer.
// Ours are only the edges that Node-RED would be: a registry of nodes, words for keys.
"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

const PACKAGE = path.dirname(require.resolve("node-red-contrib-google-smarthome/package.json"));

// The lists that a user writes himself, in the short form that the package documents: names of one thing in a list.
const LISTS = {
  appselector: [["video", "films"]],
  available_arm_levels: [["home", "at home"], ["away"]],
  available_fan_speeds: [["low", "slow"], ["high", "fast"]],
  available_fill_levels: [["half"], ["full"]],
  channel: [{ key: "one", names: ["One"], number: "1" }],
  food_presets: [["rice"]],
  inputselector: [["hdmi_1", "HDMI 1"], ["hdmi_2"]],
  modes: [{ name: "load", name_values: ["load"], settings: [["small"], ["large"]] }],
  supported_dispense_items: [
    {
      item_name: "water",
      item_name_synonyms: ["water"],
      supported_units: ["CUPS"],
      default_portion: { amount: 1, unit: "CUPS" },
    },
  ],
  supported_dispense_presets: [["cat bowl"]],
  toggles: [["quiet", "silent"]],
};

function editor() {
  const html = fs.readFileSync(path.join(PACKAGE, "dist/devices/device.html"), "utf8");
  const scripts = [...html.matchAll(/<script type="text\/javascript">([\s\S]*?)<\/script>/g)];
  let definition;
  const red = {
    nodes: { registerType: (_name, given) => (definition = given) },
    validators: { number: () => () => true, regex: () => () => true, typedInput: () => () => true },
  };
  for (const script of scripts) {
    vm.runInNewContext(script[1], { RED: red, $: () => ({}), console });
  }
  const node = fs.readFileSync(path.join(PACKAGE, "dist/devices/device.js"), "utf8");
  const types = [...node.matchAll(/case "([A-Z_]+)": \/\//g)].map((one) => one[1]);
  const defaults = Object.entries(definition.defaults).map(([name, one]) => [name, one.value]);
  return { types: [...new Set(types)], defaults: Object.fromEntries(defaults) };
}

function answer(types, defaults) {
  const nothing = () => undefined;
  const smarthome = { debug: nothing, error: console.error, ScheduleRequestSync: nothing };
  smarthome.getCustomData = () => ({ httpPort: 0, httpPathPrefix: "/" });
  const Devices = require(path.join(PACKAGE, "dist/lib/Devices.js")).default;
  smarthome.devices = new Devices(smarthome);
  smarthome.devices._devicesDoTimedSync = nothing;
  const client = {
    app: smarthome,
    default_lang: "en",
    register: (node) => smarthome.devices.registerDevice(node),
    _debug: nothing,
  };
  let DeviceNode;
  const RED = {
    _: (key) => key.split(".").pop(),
    settings: { userDir: "." },
    nodes: {
      createNode: (node, config) =>
        Object.assign(node, { id: config.id, on: nothing, status: nothing, error: console.error }),
      getNode: () => client,
      registerType: (_name, made) => (DeviceNode = made),
    },
  };
  require(path.join(PACKAGE, "dist/devices/device.js"))(RED);
  for (const type of types) {
    const config = { ...defaults, id: `node-${type}`, name: type.toLowerCase(), client: "client" };
    config.device_type = type;
    config.room_hint = "Kitchen";
    for (const [list, value] of Object.entries(LISTS)) {
      config[`${list}_file`] = JSON.stringify(value);
      config[`${list}_type`] = "json";
    }
    new DeviceNode(config);
  }
  const HttpActions = require(path.join(PACKAGE, "dist/lib/HttpActions.js")).default;
  const response = { status: () => response, json: nothing };
  return HttpActions.prototype._sync.call({ _smarthome: smarthome }, "6894439706274654512", response);
}

const { types, defaults } = editor();
process.stdout.write(JSON.stringify(answer(types, defaults)));
