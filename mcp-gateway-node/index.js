"use strict";

const { exportAuditFile, renderAuditFile, reportAuditFile, unsealAudit, verifyAuditFile } = require("./audit.js");
const { GatewayBuilder } = require("./builder.js");
const { GatewayError, lifted } = require("./error.js");
const { Connection, Events, Gateway, Session } = require("./gateway.js");
const {
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
} = require("./home.js");
const { AuditRecord, SecretKey } = require("./host.js");
const native = require("./native.js");
const { listSecrets, removeSecret, rotateSecrets, setSecret } = require("./secrets.js");
const { ToolSet } = require("./tools.js");
const { GatewayTransport } = require("./transport.js");

const { errorKinds, VERSION: version } = native;
const ImageReference = lifted(native.ImageReference);

// Names only: this is how an `import` of this module finds them.
module.exports = {
  AuditRecord,
  Connection,
  Events,
  Gateway,
  GatewayBuilder,
  GatewayError,
  GatewayTransport,
  ImageReference,
  SecretKey,
  Session,
  ToolSet,
  addCatalog,
  addCatalogServer,
  approveCatalogServer,
  checkScope,
  connectClient,
  createCatalog,
  createProfile,
  diffProfiles,
  disconnectClient,
  errorKinds,
  exportAuditFile,
  exportCatalog,
  exportProfile,
  importProfile,
  listCatalogs,
  listClients,
  listSecrets,
  profileTemplates,
  pruneUnused,
  pullCatalog,
  pullProfile,
  pushCatalog,
  pushProfile,
  removeCatalog,
  removeCatalogServer,
  removeSecret,
  renderAuditFile,
  reportAuditFile,
  revokeCatalogServer,
  rotateSecrets,
  setSecret,
  syncCatalogs,
  unsealAudit,
  verifyAuditFile,
  version,
};
