// Prometheus metrics: one registry a process, and the bucket sets that fit this system's work. Components define their
// own metrics beside their code and register them here. Any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <string>

namespace hongbao {

using MetricLabels = std::map<std::string, std::string>;

// The one of this name and these labels: made at the first call, the same at later ones. It lives as long as
// `registry`.
prometheus::Counter& add_counter(prometheus::Registry& registry, const std::string& name, const std::string& help,
                                 const MetricLabels& labels = {});
prometheus::Gauge& add_gauge(prometheus::Registry& registry, const std::string& name, const std::string& help,
                             const MetricLabels& labels = {});
prometheus::Histogram& add_histogram(prometheus::Registry& registry, const std::string& name, const std::string& help,
                                     const prometheus::Histogram::BucketBoundaries& buckets,
                                     const MetricLabels& labels = {});

// Seconds, from 25 µs to 10 s: an answer from memory takes tens of microseconds, a commit some hundreds.
const prometheus::Histogram::BucketBoundaries& latency_buckets_s();
// Powers of two from 1 to 4096: commands or vouchers in a batch.
const prometheus::Histogram::BucketBoundaries& batch_buckets();

}  // namespace hongbao
