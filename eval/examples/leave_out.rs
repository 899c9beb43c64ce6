//! What each decision of the precise method is worth: the same samples, evaluated
//! as if it had not been made. docs/METHOD.md quotes the figures.
//!
//! ```text
//! cargo run --release -p eval --example leave_out -- results/RUN/samples.csv
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use eval::log::Reading;
use eval::samples::{Reader, Sample};
use eval::stats::{self, Sorted};
use eval::units::cycles_per_tick;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: leave_out samples.csv");
        return ExitCode::from(64);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("leave_out: {path}: {error}");
            ExitCode::from(65)
        }
    }
}

type Error = Box<dyn std::error::Error>;

fn run(path: &str) -> Result<(), Error> {
    let mut series = BTreeMap::<(String, &str), Vec<Taken>>::new();
    let mut order = Order::default();
    for sample in Reader::new(BufReader::new(File::open(path)?))? {
        let sample = sample?;
        if let Some(taken) = order.taken(&sample) {
            let key = (sample.target.to_string(), sample.benchmark.name());
            series.entry(key).or_default().push(taken);
        }
    }
    println!("{HEAD}");
    for ((target, benchmark), taken) in &series {
        println!("{target:12} {benchmark:12} {}", figures(taken)?);
    }
    Ok(())
}

/// What is needed of a sample here.
struct Taken {
    boot: u32,
    /// Whether the batch of n copies came first.
    n_first: bool,
    align: u64,
    slope: f64,
    /// Ticks of the batch of n copies, for one operation: what a single batch would say.
    single: f64,
    /// Core cycles for each tick, by the chain before it.
    clock: Option<f64>,
}

/// Which batch came first alternates from one sample of a round to the next.
#[derive(Default)]
struct Order {
    round: Option<(u32, u32, &'static str)>,
    index: u64,
}

impl Order {
    fn taken(&mut self, sample: &Sample) -> Option<Taken> {
        let Reading::Slope {
            align,
            ops_n,
            ticks_n,
            chain_before,
            ..
        } = sample.reading
        else {
            return None;
        };
        if ops_n == 0 {
            return None;
        }
        let round = (sample.boot, sample.round, sample.benchmark.name());
        self.index = if self.round.replace(round) == Some(round) {
            self.index + 1
        } else {
            0
        };
        Some(Taken {
            boot: sample.boot,
            n_first: self.index.is_multiple_of(2),
            align,
            slope: sample.value.0,
            single: ticks_n as f64 / ops_n as f64,
            clock: cycles_per_tick(CHAIN_OPS, chain_before).map(|c| c.0),
        })
    }
}

/// What guest-bench's clock chains hold.
const CHAIN_OPS: u64 = 4096;

const HEAD: &str = "\
single: one batch's ticks by its operations, above the slope
order:  slope where n came first, above the slope where 2n did
align:  slope at the worst alignment, above that at the best
mean:   mean above median
width:  95 % interval of the median if boots are ignored, and as it is, by boots
clock:  core cycles for each tick, 5th to 95th percentile of the chains

target       benchmark     median  single   order   align    mean   width            clock";

fn figures(taken: &[Taken]) -> Result<String, Error> {
    let median = |keep: &dyn Fn(&Taken) -> bool, of: &dyn Fn(&Taken) -> f64| {
        let values = taken.iter().filter(|t| keep(t)).map(of).collect();
        Sorted::new(values).map(|sorted| sorted.median())
    };
    let all = |_: &Taken| true;
    let slope = |t: &Taken| t.slope;
    let pooled = Sorted::new(taken.iter().map(slope).collect())?;
    let typical = pooled.median();
    let above = |value: f64, base: f64| 100.0 * (value / base - 1.0);

    let single = median(&all, &|t| t.single)?;
    let n_first = median(&|t| t.n_first, &slope)?;
    let twice_first = median(&|t| !t.n_first, &slope)?;
    let mut by_alignment = Vec::new();
    for align in [0, 16, 32, 48] {
        by_alignment.extend(median(&|t| t.align == align, &slope));
    }
    let by_alignment = Sorted::new(by_alignment)?;
    let clock = Sorted::new(taken.iter().filter_map(|t| t.clock).collect())?;
    Ok(format!(
        "{typical:7.3} {:6.2}% {:6.2}% {:6.2}% {:6.2}%  {:.3}% {:.3}%  {:.3} to {:.3}",
        above(single, typical),
        above(n_first, twice_first),
        above(by_alignment.max(), by_alignment.min()),
        above(pooled.mean(), typical),
        width(&pooled),
        width(&boot_medians(taken)?),
        clock.quantile(0.05),
        clock.quantile(0.95),
    ))
}

fn boot_medians(taken: &[Taken]) -> Result<Sorted, Error> {
    let mut boots = BTreeMap::<u32, Vec<f64>>::new();
    for sample in taken {
        boots.entry(sample.boot).or_default().push(sample.slope);
    }
    let medians = boots
        .into_values()
        .map(|b| Sorted::new(b).map(|b| b.median()));
    Ok(Sorted::new(medians.collect::<Result<_, _>>()?)?)
}

/// Width of the order-statistic interval of the median, in percent of it.
fn width(sorted: &Sorted) -> f64 {
    stats::order::median_interval(sorted).map_or(f64::NAN, |interval| {
        100.0 * (interval.high - interval.low) / sorted.median()
    })
}
