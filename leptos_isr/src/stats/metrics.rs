//! The snapshot for Prometheus.

use std::{fmt, sync::Arc};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, LabelSetEncoder, MetricEncoder,
        NoLabelSet, prometheus_text, text,
    },
    metrics::MetricType,
    registry::{Registry, Unit},
};

use super::snapshot::{HistogramStats, Stats};

/// What `route` says of what is of no route. The path of a route begins with a slash.
const NO_ROUTE: &str = "none";

/// The tier of the memory that servers share.
const SHARED: Label<'_> = ("tier", "shared");

/// An engine's statistics as metrics; see [`Engine::metrics`](crate::Engine::metrics).
///
/// Labels are words of this module, routes as declared, origins of data, names of CDNs, and the build:
/// never a path, a tag or a text from outside.
#[derive(Clone)]
pub struct Metrics(Arc<dyn Fn() -> Stats + Send + Sync>);

impl Metrics {
    pub(crate) fn new(stats: impl Fn() -> Stats + Send + Sync + 'static) -> Self {
        Self(Arc::new(stats))
    }

    /// The metrics as OpenMetrics, version 1.0.0.
    #[must_use]
    pub fn to_open_metrics(&self) -> String {
        let mut text = String::new();
        text::encode(&mut text, &self.registry()).expect("a string takes any text");
        text
    }

    /// The metrics in the format that Prometheus had before, version 0.0.4.
    #[must_use]
    pub fn to_prometheus_text(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry()).expect("a string takes any text");
        text
    }

    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        registry
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = (self.0)();
        let mut encoder = Encoder(encoder);
        encoder.requests(&stats)?;
        encoder.renders(&stats)?;
        encoder.tiers(&stats)?;
        encoder.store(&stats)?;
        encoder.purges(&stats)?;
        encoder.reads(&stats)?;
        encoder.fleet(&stats)
    }
}

type Label<'a> = (&'static str, &'a str);

struct Encoder<'a>(DescriptorEncoder<'a>);

impl Encoder<'_> {
    fn requests(&mut self, stats: &Stats) -> fmt::Result {
        let mut requests =
            self.begin("isr_requests", "Requests for pages.", None, MetricType::Counter)?;
        for row in &stats.routes {
            let route = row.route.as_deref().unwrap_or(NO_ROUTE);
            for of in &row.requests {
                let labels = [
                    ("route", route),
                    ("result", of.result.as_str()),
                    ("answer", of.answer.as_str()),
                ];
                requests.count(&labels, of.count)?;
            }
        }
        let help = "How long past their period pages were that were served stale.";
        let served = stats.routes.iter().map(|row| (row.route.as_deref(), &row.stale_served));
        self.of_routes("isr_stale_served", help, served)
    }

    fn renders(&mut self, stats: &Stats) -> fmt::Result {
        let mut renders =
            self.begin("isr_renders", "Renders of pages.", None, MetricType::Counter)?;
        for row in &stats.routes {
            let route = row.route.as_deref().unwrap_or(NO_ROUTE);
            for of in &row.renders {
                let (reason, outcome) = (of.reason.as_str(), of.outcome.as_str());
                let labels = [("route", route), ("reason", reason), ("outcome", outcome)];
                renders.count(&labels, of.count)?;
            }
        }
        let times = stats.routes.iter().map(|row| (row.route.as_deref(), &row.render_times));
        self.of_routes("isr_render", "How long renders took.", times)?;
        let mut waits =
            self.histograms("isr_render_wait", "How long pages waited for their turn.")?;
        for of in &stats.render_waits {
            waits.histogram(&[("urgency", of.urgency.as_str())], &of.waited)?;
        }
        let queue = stats.queue;
        let mut running = self.gauges("isr_renders_running", "Renders under way.")?;
        running.gauge(&[("urgency", "visitor")], queue.running_for_visitors)?;
        running.gauge(&[("urgency", "background")], queue.running_in_background)?;
        let mut waiting = self.gauges("isr_renders_waiting", "Pages that wait for their turn.")?;
        for of in &stats.render_waits {
            waiting.gauge(&[("urgency", of.urgency.as_str())], of.waiting)?;
        }
        self.gauge("isr_visitors_waiting", "Visitors who wait for a page.", queue.visitors)?;
        self.failures(stats)
    }

    fn failures(&mut self, stats: &Stats) -> fmt::Result {
        let rows = || {
            stats
                .routes
                .iter()
                .map(|row| ([("route", row.route.as_deref().unwrap_or(NO_ROUTE))], row))
        };
        let help = "Pages that failed when they were last rendered.";
        let mut failing = self.gauges("isr_failing_pages", help)?;
        for (labels, row) in rows() {
            failing.gauge(&labels, row.failing_pages)?;
        }
        let help = "For how long the one of these has failed that has for longest.";
        let unit = Some(&Unit::Seconds);
        let mut oldest = self.begin("isr_oldest_failure", help, unit, MetricType::Gauge)?;
        for (labels, row) in rows() {
            oldest.gauge(&labels, row.oldest_failure.as_secs_f64())?;
        }
        Ok(())
    }

    fn tiers(&mut self, stats: &Stats) -> fmt::Result {
        let shared = stats.ledger.and_then(|ledger| ledger.memory);
        let mut entries = self.gauges("isr_store_pages", "Pages, or values of data, by tier.")?;
        for of in &stats.tiers {
            entries.gauge(&[("tier", of.tier.as_str())], of.entries)?;
        }
        let mut bytes =
            self.begin("isr_store", "Bytes in use.", Some(&Unit::Bytes), MetricType::Gauge)?;
        for of in &stats.tiers {
            bytes.gauge(&[("tier", of.tier.as_str())], of.bytes)?;
        }
        if let Some(shared) = shared {
            bytes.gauge(&[SHARED], shared.bytes)?;
        }
        let help = "Bytes that may be in use.";
        let mut limit =
            self.begin("isr_store_limit", help, Some(&Unit::Bytes), MetricType::Gauge)?;
        for of in &stats.tiers {
            limit.gauge(&[("tier", of.tier.as_str())], of.limit)?;
        }
        if let Some(of_shared) = shared.and_then(|shared| shared.limit) {
            limit.gauge(&[SHARED], of_shared)?;
        }
        let help = "Pages, or values of data, that made room for others.";
        let mut evictions = self.begin("isr_evictions", help, None, MetricType::Counter)?;
        for of in &stats.tiers {
            evictions.count(&[("tier", of.tier.as_str())], of.evicted)?;
        }
        Ok(())
    }

    fn store(&mut self, stats: &Stats) -> fmt::Result {
        if let Some(works) = stats.store_works {
            let help = "Whether the store behind the memory keeps what it is given.";
            self.gauge("isr_store_works", help, u64::from(works))?;
        }
        let help = "What the store behind the memory was asked to do.";
        let mut operations = self.begin("isr_store_operations", help, None, MetricType::Counter)?;
        for of in &stats.store_operations {
            let labels = [("operation", of.operation.as_str()), ("outcome", of.outcome.as_str())];
            operations.count(&labels, of.count)?;
        }
        let help = "How often pages were left to this process to render.";
        let mut leases = self.begin("isr_leases", help, None, MetricType::Counter)?;
        for of in &stats.leases {
            leases.count(&[("outcome", of.outcome.as_str())], of.count)?;
        }
        Ok(())
    }

    fn purges(&mut self, stats: &Stats) -> fmt::Result {
        let mut purges =
            self.begin("isr_purges", "Purges that hold here.", None, MetricType::Counter)?;
        for of in &stats.purges {
            let kind = if of.hard { "hard" } else { "soft" };
            purges.count(&[("source", of.source.as_str()), ("kind", kind)], of.count)?;
        }
        let help = "How long it took until a purge was kept and held here.";
        let mut took = self.histograms("isr_purge_applied", help)?;
        for of in &stats.purge_delays {
            took.histogram(&[("source", of.source.as_str())], &of.took)?;
        }
        Ok(())
    }

    fn reads(&mut self, stats: &Stats) -> fmt::Result {
        let mut reads =
            self.begin("isr_data_reads", "Reads of data.", None, MetricType::Counter)?;
        for of in &stats.reads {
            let labels = [("origin", of.origin.as_str()), ("outcome", of.outcome.as_str())];
            reads.count(&labels, of.count)?;
        }
        Ok(())
    }

    fn fleet(&mut self, stats: &Stats) -> fmt::Result {
        let mut waiting =
            self.gauges("isr_outbound_waiting", "Purges that a CDN is still to be told.")?;
        for of in &stats.cdns {
            waiting.gauge(&[("cdn", of.cdn.as_str())], of.waiting)?;
        }
        let help = "How long the oldest of these has waited.";
        let unit = Some(&Unit::Seconds);
        let mut oldest = self.begin("isr_outbound_oldest", help, unit, MetricType::Gauge)?;
        for of in &stats.cdns {
            oldest.gauge(&[("cdn", of.cdn.as_str())], of.oldest.as_secs_f64())?;
        }
        if let Some(ledger) = stats.ledger {
            let help = "Whether it is known what other processes purge.";
            self.gauge("isr_ledger_connected", help, u64::from(ledger.is_connected))?;
            let help = "The position of the last purge that holds here.";
            self.gauge("isr_ledger_position", help, ledger.position)?;
            if let Some(memory) = ledger.memory {
                let help = "What the server that keeps the ledger removes once its memory is full.";
                let info = self.begin("isr_ledger", help, None, MetricType::Info)?;
                info.info(&[("eviction", memory.eviction.as_str())])?;
            }
        }
        self.gauge("isr_live_streams", "Live streams that are open.", stats.live_streams)?;
        let help = "The build that answers, and the version of the library.";
        let build = self.begin("isr_build", help, None, MetricType::Info)?;
        let id = stats.build.as_deref().unwrap_or_default();
        build.info(&[("build", id), ("version", stats.version)])
    }

    /// A histogram of seconds for each route that has anything in it.
    fn of_routes<'s>(
        &mut self,
        name: &str,
        help: &str,
        rows: impl Iterator<Item = (Option<&'s str>, &'s HistogramStats)>,
    ) -> fmt::Result {
        let mut family = self.histograms(name, help)?;
        for (route, histogram) in rows.filter(|(_, histogram)| histogram.count() > 0) {
            family.histogram(&[("route", route.unwrap_or(NO_ROUTE))], histogram)?;
        }
        Ok(())
    }

    fn histograms<'s>(&'s mut self, name: &'s str, help: &str) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, Some(&Unit::Seconds), MetricType::Histogram)
    }

    fn gauges<'s>(&'s mut self, name: &'s str, help: &str) -> Result<Family<'s>, fmt::Error> {
        self.begin(name, help, None, MetricType::Gauge)
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.gauges(name, help)?.0.encode_gauge(&value)
    }

    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<Family<'s>, fmt::Error> {
        Ok(Family(self.0.encode_descriptor(name, help, unit, kind)?))
    }
}

/// The metrics of one name.
struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn count(&mut self, labels: &[Label<'_>], count: u64) -> fmt::Result {
        self.0.encode_family(&Labels(labels))?.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    fn gauge(&mut self, labels: &[Label<'_>], value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_family(&Labels(labels))?.encode_gauge(&value)
    }

    fn info(mut self, labels: &[Label<'_>]) -> fmt::Result {
        self.0.encode_info(&Labels(labels))
    }

    fn histogram(&mut self, labels: &[Label<'_>], histogram: &HistogramStats) -> fmt::Result {
        let buckets = histogram.buckets.iter().map(|of| (of.up_to.as_secs_f64(), of.count));
        let buckets: Vec<_> = buckets.chain([(f64::INFINITY, histogram.longer)]).collect();
        let (sum, count) = (histogram.sum.as_secs_f64(), histogram.count());
        let labels = Labels(labels);
        let mut encoder = self.0.encode_family(&labels)?;
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

struct Labels<'a>(&'a [Label<'a>]);

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }
}
