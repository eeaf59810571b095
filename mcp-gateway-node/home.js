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

const catalog = (verb, fields, { home } = {}) => run("catalog", { home, verb: { [verb]: fields } });

const listCatalogs = (options) => catalog("list", {}, options);

const addCatalog = (name, origin, { home, ...options } = {}) => catalog("add", { name, origin, options }, { home });

const syncCatalogs = (names = [], { home, ...options } = {}) => catalog("sync", { names, options }, { home });

const removeCatalog = (name, options) => catalog("remove", { name }, options);

const createCatalog = (name, { home, from, ...options } = {}) => catalog("create", { name, from, options }, { home });

const addCatalogServer = (name, server, file, { home, ...options } = {}) =>
  catalog("add_server", { name, server, file, options }, { home });

const removeCatalogServer = (name, server, options) => catalog("remove_server", { name, server }, options);

const exportCatalog = (name, file, options) => catalog("export", { name, file }, options);

const pushCatalog = (name, reference, options) => catalog("push", { name, reference }, options);

const pullCatalog = (reference, { home, name, ...options } = {}) => catalog("pull", { reference, name, options }, { home });

const approveCatalogServer = (name, server, by, { home, note } = {}) => catalog("approve", { name, server, by, note }, { home });

const revokeCatalogServer = (name, server, options) => catalog("revoke", { name, server }, options);

const checkScope = (server, profile, options) => catalog("check_scope", { server, profile }, options);

const pruneUnused = (unused, { home, dryRun } = {}) => run("prune_unused", { home, unused, dry_run: dryRun });

const listClients = ({ home, folder } = {}) => run("clients", { home, folder });

const connectClient = (client, { home, ...options } = {}) => run("connect_client", { home, client, options });

const disconnectClient = (client, { home, ...options } = {}) => run("disconnect_client", { home, client, options });

module.exports = {
  addCatalog,
  addCatalogServer,
  approveCatalogServer,
  checkScope,
  connectClient,
  createCatalog,
  createProfile,
  diffProfiles,
  disconnectClient,
  exportCatalog,
  exportProfile,
  importProfile,
  listCatalogs,
  listClients,
  profileTemplates,
  pruneUnused,
  pullCatalog,
  pullProfile,
  pushCatalog,
  pushProfile,
  removeCatalog,
  removeCatalogServer,
  revokeCatalogServer,
  syncCatalogs,
};
