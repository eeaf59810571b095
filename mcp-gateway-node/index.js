"use strict";

const { GatewayError, lifted } = require("./error.js");
const native = require("./native.js");

const { errorKinds, VERSION: version } = native;
const ImageReference = lifted(native.ImageReference);

// Names only: this is how an `import` of this module finds them.
module.exports = { GatewayError, ImageReference, errorKinds, version };
