"use strict";

const { exportAuditFile, renderAuditFile, reportAuditFile, unsealAudit, verifyAuditFile } = require("./audit.js");
const { GatewayBuilder } = require("./builder.js");
const { GatewayError, lifted } = require("./error.js");
const { Connection, Events, Gateway, Session } = require("./gateway.js");
const {
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
  connectClient,
  createProfile,
  diffProfiles,
  disconnectClient,
  errorKinds,
  exportAuditFile,
  exportProfile,
  importProfile,
  listClients,
  listSecrets,
  profileTemplates,
  pullProfile,
  pushProfile,
  removeSecret,
  renderAuditFile,
  reportAuditFile,
  rotateSecrets,
  setSecret,
  unsealAudit,
  verifyAuditFile,
  version,
};
