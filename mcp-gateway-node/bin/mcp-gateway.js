#!/usr/bin/env node
"use strict";

// The command line, which is the same as the program's.
const native = require("../native.js");

// The command line handles these. Without a listener Node would handle them too, and raise them a second time.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});

process.exitCode = native.runCli([process.argv[1], ...process.argv.slice(2)]);
