//! Counters of the gateway, by OpenTelemetry's names, as Prometheus text.
