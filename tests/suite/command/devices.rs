//! Devices by name: the list, opening, and errors.

use crate::fixtures::wolfgang;
use std::process::Command;
use wolfgang_generate::{Backend, DeviceName, ModelError};

fn stderr_of(arguments: &[&str], code: i32) -> String {
    stderr_with(wolfgang(), arguments, code)
}

fn stderr_with(mut command: Command, arguments: &[&str], code: i32) -> String {
    let output = command
        .args(["generate", "--max-new-tokens", "1", "--seed", "1", "Habe"])
        .args(arguments)
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
    stderr
}

#[test]
fn every_backend_is_listed_with_its_devices_or_its_requirement() {
    let output = wolfgang().args(["devices", "--json"]).output().unwrap();
    assert!(output.status.success());
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let backends = found["backends"].as_array().unwrap();
    assert_eq!(backends.len(), Backend::ALL.len());
    for (found, backend) in backends.iter().zip(Backend::ALL) {
        assert_eq!(found["backend"], backend.feature());
        assert_eq!(found["compiled_in"], backend.is_compiled_in());
        let devices = found["devices"].as_array().unwrap();
        assert_eq!(devices.is_empty(), found["problem"].is_string());
        for device in devices {
            let name: DeviceName = device["name"].as_str().unwrap().parse().unwrap();
            assert_eq!(name.to_string(), device["name"].as_str().unwrap());
        }
    }
    assert_eq!(backends[0]["devices"][0]["dtypes"][0], "f32");

    let output = wolfgang().arg("devices").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("flex         the CPU"), "{text}");
    for backend in Backend::ALL {
        let advice = format!("build with --features {}", backend.feature());
        assert_eq!(text.contains(&advice), !backend.is_compiled_in(), "{text}");
    }
}

#[test]
fn all_names_of_the_cpu_give_the_same_text() {
    let text = |device: &[&str]| {
        let output = wolfgang()
            .args(["generate", "--max-new-tokens", "8", "--seed", "1", "Habe"])
            .args(device)
            .output()
            .unwrap();
        assert!(output.status.success());
        output.stdout
    };
    let flex = text(&["--device", "flex"]);
    assert_eq!(text(&["--device", "cpu"]), flex);
    assert_eq!(text(&["--device", "flex", "--dtype", "f32"]), flex);
}

#[test]
fn an_unknown_device_name_is_a_usage_error() {
    let said = stderr_of(&["--device", "gpu"], 2);
    assert!(
        said.contains("unknown device \"gpu\"; expected one of auto, cpu, cuda[:N]"),
        "{said}"
    );
}

/// Each of them is missing on any machine, or not compiled in.
#[test]
fn an_absent_device_is_a_one_line_error() {
    for device in ["wgpu:4000", "tch:cuda:4000", "cuda:4000"] {
        let said = stderr_of(&["--device", device], 1);
        let lines: Vec<_> = said.lines().filter(|l| l.starts_with("error: ")).collect();
        let [line] = lines[..] else { panic!("{said}") };
        let compiled_in = match device.parse::<DeviceName>().unwrap().open() {
            Err(ModelError::NotCompiledIn { .. }) => false,
            Err(ModelError::NoDevice { .. }) => true,
            other => panic!("{other:?}"),
        };
        let (reason, step) = if compiled_in {
            (
                "was not found on this machine",
                "choose a device listed by `wolfgang devices`",
            )
        } else {
            (
                "which is not enabled in this build",
                "build it with that feature, or choose a device listed by `wolfgang devices`",
            )
        };
        assert!(line.contains(reason) && line.ends_with(step), "{said}");
    }
}

#[test]
#[cfg(feature = "ndarray")]
fn an_unsupported_precision_is_refused_with_the_supported_ones() {
    let said = stderr_of(&["--device", "ndarray", "--dtype", "bf16"], 1);
    assert!(
        said.contains("precision bf16 is not supported on this device; supported: f32; choose another --dtype or --device"),
        "{said}"
    );
}

/// The Vulkan loader gets no driver, then a file that is not a driver.
#[test]
#[cfg(all(feature = "wgpu", target_os = "linux"))]
fn a_missing_or_broken_driver_is_a_one_line_error() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.json");
    std::fs::write(folder.path().join("driver.so"), "no library").unwrap();
    let driver = r#"{"file_format_version": "1.0.0",
        "ICD": {"library_path": "./driver.so", "api_version": "1.3.0"}}"#;
    std::fs::write(&broken, driver).unwrap();
    for drivers in [folder.path().join("missing.json"), broken] {
        let mut command = wolfgang();
        command.env("VK_ICD_FILENAMES", &drivers);
        command.env("VK_DRIVER_FILES", &drivers);
        // OpenGL would do, too.
        command.env("__EGL_VENDOR_LIBRARY_FILENAMES", &drivers);
        let said = stderr_with(command, &["--device", "wgpu"], 1);
        let errors: Vec<_> = said.lines().filter(|l| l.contains("error")).collect();
        assert_eq!(
            errors,
            [
                "error: device wgpu:0 was not found on this machine: wgpu requires a driver for Vulkan, Metal or DirectX; choose a \
             device listed by `wolfgang devices`"
            ],
            "{said}"
        );
    }
}

/// Wayland's library writes errors where the variable names no folder. What was closed stays
/// closed.
#[cfg(all(feature = "wgpu", target_os = "linux"))]
#[test]
fn drivers_write_nothing_without_a_desktop() {
    for value in [None, Some(""), Some("relative")] {
        let mut command = wolfgang();
        command.arg("devices");
        match value {
            Some(value) => command.env("XDG_RUNTIME_DIR", value),
            None => command.env_remove("XDG_RUNTIME_DIR"),
        };
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("XDG_RUNTIME_DIR"), "{value:?}: {stderr}");
    }
    let bare = wolfgang();
    let closed = Command::new("sh")
        .args(["-c", "exec \"$0\" devices >&-"])
        .arg(bare.get_program())
        .env("WOLFGANG_CONFIG", crate::fixtures::fixture("empty.toml"))
        .env_remove("XDG_RUNTIME_DIR")
        .output()
        .unwrap();
    assert_eq!(closed.status.code(), Some(1));
}
