#!/usr/bin/env node
"use strict";

// The command line, which is the same as the program's.
const native = require("../native.js");

process.exitCode = native.runCli([process.argv[1], ...process.argv.slice(2)]);
