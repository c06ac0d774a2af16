//! Processor time without requests.

use super::load::complete;
use super::servers::Servers;
use std::io::Write;
use std::time::{Duration, Instant};

const DURATION: Duration = Duration::from_secs(20);

pub(super) fn measure(servers: &Servers, out: &mut impl Write) -> anyhow::Result<()> {
    let server = servers.wolfgang("f32", 8, &[])?;
    // Threads and caches exist after a request; the client keeps its connection.
    let client = server.client();
    complete(&client)?;
    std::thread::sleep(Duration::from_secs(1));
    let (start, before) = (Instant::now(), server.processor_time()?);
    std::thread::sleep(DURATION);
    let used = server.processor_time()? - before;
    let share = used.as_secs_f64() / start.elapsed().as_secs_f64();
    writeln!(
        out,
        "\nWithout requests: {:.2} % of one core, over {DURATION:?}",
        share * 100.0
    )?;
    Ok(())
}
