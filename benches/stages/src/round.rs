//! Times the work of a stage, on what was prepared before, and has every result checked after. Must
//! never have anything but the work within the time, nor leave a result unchecked.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Throughput};

/// One stage of a message.
pub(crate) trait Stage {
    /// What the work is done on.
    type Input;
    /// What comes of it. It is dropped outside of the time, and so is the input.
    type Output;

    /// Inputs that are prepared together, and then timed together: the more, the less does the
    /// reading of the clock count.
    fn at_once(&self) -> u64;

    /// Makes an input.
    fn prepare(&mut self) -> Self::Input;

    /// What is measured.
    fn work(&mut self, input: &mut Self::Input) -> Self::Output;

    /// Panics if the result is not right.
    fn check(&mut self, input: Self::Input, output: Self::Output);

    /// Panics if all of it together is not right.
    fn end(self)
    where
        Self: Sized,
    {
    }
}

/// Measures a stage that handles so many elements at a time; it is made only if it is asked for.
pub(crate) fn measure<S: Stage>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    elements: u64,
    make: impl FnOnce() -> S,
) {
    let (mut make, mut made) = (Some(make), None);
    group.throughput(Throughput::Elements(elements));
    group.bench_function(id, |bencher| {
        let stage = made.get_or_insert_with(|| make.take().expect("it is made once")());
        bencher.iter_custom(|iterations| time(stage, iterations));
    });
    if let Some(stage) = made {
        stage.end();
    }
}

fn time<S: Stage>(stage: &mut S, iterations: u64) -> Duration {
    let (mut time, mut left) = (Duration::ZERO, iterations);
    while left > 0 {
        let count = left.min(stage.at_once());
        let mut inputs: Vec<S::Input> = (0..count).map(|_| stage.prepare()).collect();
        let mut outputs = Vec::with_capacity(inputs.len());
        let begun = Instant::now();
        for input in &mut inputs {
            outputs.push(black_box(stage.work(black_box(input))));
        }
        time += begun.elapsed();
        for (input, output) in inputs.into_iter().zip(outputs) {
            stage.check(input, output);
        }
        left -= count;
    }
    time
}
