//! Requests that are repeated, and the pauses before them.

use crate::hub::download::{FakeClock, Told, folder, home, hub_command, local, text};
use crate::hub::server::{HubServer, REPOSITORY};
use std::path::Path;
use std::sync::Arc;
use wolfgang_checkpoint::{CheckpointError, Hub, HubFiles};

/// Fetches the model, and returns the pauses that were made.
pub(super) fn fetch(
    server: &HubServer,
    home: &Path,
) -> (Result<HubFiles, CheckpointError>, Vec<u64>) {
    let clock = Arc::new(FakeClock::default());
    let hub = Hub::new(home.join("hub"))
        .with_endpoint(server.url.clone())
        .with_clock(clock.clone());
    let files = hub.fetch(&REPOSITORY.parse().unwrap(), &mut Told::default());
    let pauses = clock.0.lock().unwrap();
    let pauses = pauses.iter().map(|pause| pause.as_millis() as u64);
    (files, pauses.collect())
}

#[test]
fn temporary_errors_are_retried_with_growing_pauses() {
    for status in [429, 500, 502, 503, 504] {
        let (server, home) = (HubServer::start(folder()), home());
        server.change(|content| content.temporary = [(status, None), (status, None)].into());
        let (files, pauses) = fetch(&server, home.path());
        assert!(files.unwrap().unavailable.is_none(), "{status}");
        assert_eq!(pauses, [200, 400], "{status}");
    }
}

#[test]
fn retry_after_sets_the_pause_within_bounds() {
    for (retry_after, pause) in [
        ("3", 3000),
        ("0", 0),
        ("86400", 10_000),
        ("Sun, 06 Nov 1994 08:49:41 GMT", 4000),
        ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", 10_000),
        ("soon", 200),
    ] {
        let (server, home) = (HubServer::start(folder()), home());
        server.change(|content| content.temporary = [(503, Some(retry_after))].into());
        let (files, pauses) = fetch(&server, home.path());
        files.unwrap();
        assert_eq!(pauses, [pause], "{retry_after}");
    }
}

#[test]
fn a_hub_that_stays_busy_is_an_error_after_a_few_attempts() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.answers = Some((503, "")));
    let (files, pauses) = fetch(&server, home.path());
    assert!(matches!(
        files,
        Err(CheckpointError::HubBusy { status: 503, .. })
    ));
    assert_eq!(pauses, [200, 400, 800]);
    assert_eq!(server.requests().len(), 4);
    // An error that a retry cannot change is not retried.
    server.change(|content| content.answers = Some((404, "")));
    let (files, pauses) = fetch(&server, home.path());
    assert!(matches!(
        files,
        Err(CheckpointError::HubNotFound { status: 404, .. })
    ));
    assert_eq!(pauses, [0; 0]);
}

#[test]
fn the_command_retries_without_a_message() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.temporary = [(503, Some("0")), (429, Some("0"))].into());
    assert_eq!(text(&mut hub_command(&server, home.path())), local());
}

#[test]
fn a_connection_dropped_before_the_response_is_retried() {
    let (server, home) = (HubServer::start(folder()), home());
    server.change(|content| content.drops = 2);
    let (files, pauses) = fetch(&server, home.path());
    assert!(files.unwrap().unavailable.is_none());
    assert_eq!(pauses, [200, 400]);
}
