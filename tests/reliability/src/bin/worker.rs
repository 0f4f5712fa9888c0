//! The process beside a test: see [`reliability::worker`].

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    reliability::worker::run(&args);
}
