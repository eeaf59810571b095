"use strict";

const { lift } = require("./error.js");
const native = require("./native.js");

async function run(command, fields) {
  try {
    return JSON.parse(await native.auditFiles(JSON.stringify({ command, ...fields })));
  } catch (error) {
    throw lift(error);
  }
}

const verifyAuditFile = (file, { key, noted } = {}) => run("verify", { file, key, noted });

const reportAuditFile = (file, { since, key } = {}) => run("report", { file, since, key });

const renderAuditFile = (file, { format = "html", since, key } = {}) => run("report", { file, format, since, key });

const exportAuditFile = async (file, to, { format = "jsonl", since } = {}) =>
  (await run("export", { file, to, format, since })).records;

const unsealAudit = (sealed, identity) => run("unseal", { sealed, identity });

module.exports = { exportAuditFile, renderAuditFile, reportAuditFile, unsealAudit, verifyAuditFile };
