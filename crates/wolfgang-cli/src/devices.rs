//! `wolfgang devices`.

use crate::console::one_line;
use crate::standard_streams;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use wolfgang_generate::{BackendStatus, DeviceStatus, devices};

/// Arguments of `wolfgang devices`.
#[derive(Args, Debug)]
pub(crate) struct DevicesArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The output of `--json`; `docs/command.md` describes it.
#[derive(Serialize)]
struct Findings {
    backends: Vec<BackendLine>,
}

#[derive(Serialize)]
struct BackendLine {
    backend: &'static str,
    compiled_in: bool,
    devices: Vec<DeviceLine>,
    /// Why there is no device.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Serialize)]
struct DeviceLine {
    name: String,
    description: String,
    dtypes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(crate) fn run(args: &DevicesArgs) -> anyhow::Result<()> {
    let findings = Findings {
        backends: devices().iter().map(backend_line).collect(),
    };
    let mut out = standard_streams::output();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&findings)?)?;
    } else {
        write_table(&findings, &mut out)?;
    }
    Ok(out.flush()?)
}

fn backend_line(status: &BackendStatus) -> BackendLine {
    let backend = status.backend;
    let problem = match (backend.is_compiled_in(), status.devices.is_empty()) {
        (false, _) => Some(format!(
            "not compiled in: build with --features {}",
            backend.feature()
        )),
        (true, true) => Some(format!(
            "no device found: it needs {}",
            backend.requirement()
        )),
        (true, false) => None,
    };
    BackendLine {
        backend: backend.feature(),
        compiled_in: backend.is_compiled_in(),
        devices: status.devices.iter().map(device_line).collect(),
        problem,
    }
}

fn device_line(device: &DeviceStatus) -> DeviceLine {
    let (dtypes, problem) = match &device.precisions {
        Ok(precisions) => (precisions.iter().map(ToString::to_string).collect(), None),
        Err(error) => (Vec::new(), Some(one_line(&error.to_string()))),
    };
    DeviceLine {
        name: device.place.to_string(),
        description: device.description.clone(),
        dtypes,
        problem,
    }
}

fn write_table(findings: &Findings, out: &mut impl Write) -> std::io::Result<()> {
    for backend in &findings.backends {
        if let Some(problem) = &backend.problem {
            writeln!(out, "{:<12} {problem}", backend.backend)?;
        }
        for device in &backend.devices {
            let DeviceLine {
                name,
                description,
                dtypes,
                problem,
            } = device;
            match problem {
                None => writeln!(out, "{name:<12} {description} ({})", dtypes.join(", "))?,
                Some(problem) => writeln!(out, "{name:<12} {description}: {problem}")?,
            }
        }
    }
    Ok(())
}
