"use strict";

const { lift } = require("./error.js");
const native = require("./native.js");

async function run(command, fields) {
  try {
    return JSON.parse(await native.homeSecrets(JSON.stringify({ command, ...fields })));
  } catch (error) {
    throw lift(error);
  }
}

const listSecrets = ({ home, stores } = {}) => run("list", { home, stores });

const setSecret = async (key, value, { expires, home, stores } = {}) => {
  await run("set", { key: String(key), value, expires, home, stores });
};

const removeSecret = async (key, { home, stores } = {}) => {
  await run("remove", { key: String(key), home, stores });
};

const rotateSecrets = async ({ home, passphrase } = {}) => (await run("rotate", { home, passphrase })).store;

module.exports = { listSecrets, removeSecret, rotateSecrets, setSecret };
