//! Connections that send the head of a request slowly and never to its end.

use super::load::{during, throughput};
use super::servers::Servers;
use anyhow::{Context, anyhow};
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use wolfgang_bench::Statistics;

const CONNECTIONS: usize = 1000;

/// From one byte of a connection to its next.
const INTERVAL: Duration = Duration::from_secs(2);

/// Clients whose throughput is measured.
const CLIENTS: usize = 8;
const DURATION: Duration = Duration::from_secs(8);
const WARM_UP: Duration = Duration::from_secs(3);

pub(super) fn measure(
    servers: &Servers,
    rounds: usize,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let server = servers.wolfgang("f32", CLIENTS, &[])?;
    let mut shares = Vec::new();
    let replaced = AtomicUsize::new(0);
    for _ in 0..rounds {
        let without = rate(server.address())?;
        let is_over = AtomicBool::new(false);
        let with = std::thread::scope(|scope| {
            let slow = scope.spawn(|| connections(server.address(), &is_over, &replaced));
            let with = rate(server.address());
            is_over.store(true, Ordering::Relaxed);
            slow.join()
                .map_err(|_| anyhow!("the connections panicked"))??;
            with
        })?;
        shares.push(with / without);
    }
    let share = Statistics::from_samples(shares).context("there are no rounds")?;
    writeln!(
        out,
        "\n{CONNECTIONS} slow connections: {:.1} % of the throughput of {CLIENTS} clients without them ({:.1} to {:.1}); \
         the server closed {} of them",
        100.0 * share.median,
        100.0 * share.min,
        100.0 * share.max,
        replaced.into_inner()
    )?;
    Ok(())
}

/// Tokens a second that the clients receive.
fn rate(address: SocketAddr) -> anyhow::Result<f64> {
    let ((from, to), answers) = during(address, CLIENTS, || {
        std::thread::sleep(WARM_UP);
        let from = Instant::now();
        std::thread::sleep(DURATION);
        Ok((from, Instant::now()))
    })?;
    Ok(throughput(&answers, from, to))
}

/// Keeps the connections open until `is_over`. Those that the server closes are opened again.
fn connections(
    address: SocketAddr,
    is_over: &AtomicBool,
    replaced: &AtomicUsize,
) -> anyhow::Result<()> {
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS {
        open.push(connect(address)?);
    }
    let pause = INTERVAL / CONNECTIONS as u32;
    for n in (0..CONNECTIONS).cycle() {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        std::thread::sleep(pause);
        if is_closed(&mut open[n]) {
            open[n] = connect(address)?;
            replaced.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

/// Sends a byte. Returns whether the server has closed the connection.
fn is_closed(stream: &mut TcpStream) -> bool {
    if stream.write_all(b"a").is_err() {
        return true;
    }
    match stream.peek(&mut [0]) {
        // The end, or a response, after which the connection is closed.
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}
