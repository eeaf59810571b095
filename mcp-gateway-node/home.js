"use strict";

const { lift } = require("./error.js");
const native = require("./native.js");

// Fields that are not given are left out, and have their defaults.
async function run(command, fields = {}) {
  try {
    return JSON.parse(await native.share(JSON.stringify({ command, ...fields })));
  } catch (error) {
    throw lift(error);
  }
}

const exportProfile = (profile, { home, file } = {}) => run("export_profile", { home, profile, file });

const importProfile = (file, { home, ...options } = {}) => run("import_profile", { home, file, options });

const pushProfile = (profile, reference, { home } = {}) => run("push_profile", { home, profile, reference });

const pullProfile = (reference, { home, ...options } = {}) => run("pull_profile", { home, reference, options });

const diffProfiles = (first, second, { home } = {}) => run("diff_profiles", { home, first, second });

const profileTemplates = () => run("templates");

const createProfile = (profile, template, { home } = {}) => run("create_profile", { home, profile, template });

const listClients = ({ home, folder } = {}) => run("clients", { home, folder });

const connectClient = (client, { home, ...options } = {}) => run("connect_client", { home, client, options });

const disconnectClient = (client, { home, ...options } = {}) => run("disconnect_client", { home, client, options });

module.exports = {
  connectClient,
  createProfile,
  diffProfiles,
  disconnectClient,
  exportProfile,
  importProfile,
  listClients,
  profileTemplates,
  pullProfile,
  pushProfile,
};
