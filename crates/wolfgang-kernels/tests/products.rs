//! Property tests of matrix products and quantisation: results follow the formula, and have the same bits for every
//! instruction set, number of rows and number of threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod rows;

use proptest::prelude::*;
use rows::{bits, cpu, head, mixed, numbers, rows_of};
use wolfgang_kernels::{
    Cpu, Epilogue, Format, Isa, KernelError, Matrix, PackedActivations, Packer, RowMatrix, Shape,
    quantise, quantise_group, round_trip_row,
};

const FORMATS: [Format; 5] = [
    Format::F32,
    Format::F16,
    Format::Bf16,
    Format::Int8,
    Format::Int4,
];

fn pack(cpu: &mut Cpu, format: Format, shape: Shape, weights: &[f32]) -> Matrix {
    let mut packer = Packer::new(&[(format, shape)]).unwrap();
    let fill = |panel: usize, into: &mut [f32]| {
        let from = &weights[32 * panel * shape.inputs..];
        let n = from.len().min(into.len());
        into[..n].copy_from_slice(&from[..n]);
        Ok::<_, KernelError>(())
    };
    cpu.pack(&mut packer, shape, fill).unwrap();
    packer.finish().remove(0)
}

fn product(cpu: &mut Cpu, matrix: &Matrix, x: &RowMatrix, epilogue: Epilogue) -> RowMatrix {
    let mut activations = PackedActivations::default();
    cpu.pack_activations(x, matrix.format(), &mut activations);
    let mut into = RowMatrix::default();
    let outputs = matrix.shape().outputs;
    into.reset(
        x.rows(),
        if epilogue == Epilogue::SwiGlu {
            outputs / 2
        } else {
            outputs
        },
    );
    if epilogue == Epilogue::Add {
        (0..x.rows()).for_each(|row| into.row_mut(row).fill(1.0));
    }
    cpu.multiply(matrix, &activations, &mut into, epilogue);
    into
}

/// The bits of the product if only the sums are rounded: one chain of fused multiply-adds per
/// output.
fn summed_in_order(weights: &[f32], x: &[f32], inputs: usize) -> Vec<u32> {
    let sum = |x: &[f32], weights: &[f32]| {
        let products = weights.iter().zip(x);
        products.fold(0f32, |sum, (w, x)| w.mul_add(*x, sum))
    };
    x.chunks_exact(inputs)
        .flat_map(|x| {
            let outputs = weights.chunks_exact(inputs);
            outputs.map(move |weights| sum(x, weights).to_bits())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 40 }))]

    #[test]
    fn a_product_follows_its_formula_with_the_same_bits_in_every_case(
        outputs in 1usize..100,
        inputs in 1usize..200,
        rows in 1usize..40,
        seed in 0usize..1000,
    ) {
        let (outputs, inputs, rows) = if cfg!(miri) { (33, 7, 7) } else { (outputs, inputs, rows) };
        let shape = Shape { outputs, inputs };
        let weights = mixed(seed, outputs * inputs);
        let x = mixed(seed + 1, rows * inputs);
        for format in FORMATS {
            let mut kept = weights.clone();
            kept.chunks_exact_mut(inputs).for_each(|row| round_trip_row(format, row));
            let mut expected = None;
            for isa in Isa::all() {
                for threads in [1, 3] {
                    let mut cpu = cpu(isa, threads);
                    let matrix = pack(&mut cpu, format, shape, &weights);
                    for (row, kept) in kept.chunks_exact(inputs).enumerate() {
                        let mut read = vec![0.0; inputs];
                        matrix.read_row(row, &mut read);
                        prop_assert_eq!(&read, kept);
                    }
                    let all = product(&mut cpu, &matrix, &rows_of(&x, inputs), Epilogue::Store);
                    let first = &*expected.get_or_insert_with(|| bits(&all));
                    prop_assert_eq!(&bits(&all), first, "{} {:?}", isa.name(), format);
                    for row in 0..rows {
                        let alone = head(&x, inputs, row, row + 1);
                        let alone = product(&mut cpu, &matrix, &alone, Epilogue::Store);
                        let within = &first[row * outputs..(row + 1) * outputs];
                        prop_assert_eq!(&bits(&alone), within, "{} {:?}", isa.name(), format);
                    }
                    let added = product(&mut cpu, &matrix, &rows_of(&x, inputs), Epilogue::Add);
                    for (added, sum) in numbers(&added).into_iter().zip(numbers(&all)) {
                        prop_assert_eq!(added, 1.0 + sum);
                    }
                }
            }
            let expected = expected.unwrap();
            // bf16, int8 and int4 also round the inputs, by half a unit each.
            let unit = match format {
                Format::F32 | Format::F16 => {
                    prop_assert_eq!(expected, summed_in_order(&kept, &x, inputs), "{:?}", format);
                    continue;
                }
                Format::Bf16 => 1.0 / 256.0,
                Format::Int8 | Format::Int4 => 1.0 / 127.0,
            };
            for (row, x) in x.chunks_exact(inputs).enumerate() {
                for (output, weights) in kept.chunks_exact(inputs).enumerate() {
                    let sum: f64 = x.iter().zip(weights).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum();
                    let size: f64 = weights.iter().map(|w| f64::from(w.abs())).sum();
                    let found = f32::from_bits(expected[row * outputs + output]);
                    let apart = (f64::from(found) - sum).abs();
                    prop_assert!(apart <= unit * size * 0.6 + 1e-5, "{found} instead of {sum} in {format:?}");
                }
            }
        }
    }

    /// Rows so long that a panel is divided into several blocks of K.
    #[test]
    fn a_long_sum_is_in_the_order_of_the_inputs(
        outputs in 1usize..70,
        inputs in 300usize..1500,
        rows in 1usize..40,
        seed in 0usize..1000,
    ) {
        let (outputs, inputs, rows) = if cfg!(miri) { (1, 700, 7) } else { (outputs, inputs, rows) };
        let shape = Shape { outputs, inputs };
        let weights = mixed(seed, outputs * inputs);
        let x = mixed(seed + 1, rows * inputs);
        for format in FORMATS {
            let mut kept = weights.clone();
            kept.chunks_exact_mut(inputs).for_each(|row| round_trip_row(format, row));
            let mut expected = None;
            for isa in Isa::all() {
                let mut cpu = cpu(isa, 2);
                let matrix = pack(&mut cpu, format, shape, &weights);
                let all = bits(&product(&mut cpu, &matrix, &rows_of(&x, inputs), Epilogue::Store));
                let first = &*expected.get_or_insert_with(|| all.clone());
                prop_assert_eq!(&all, first, "{} {:?}", isa.name(), format);
                let last = head(&x, inputs, rows - 1, rows);
                let last = bits(&product(&mut cpu, &matrix, &last, Epilogue::Store));
                prop_assert_eq!(&last, &first[(rows - 1) * outputs..], "{} {:?}", isa.name(), format);
            }
            if !matches!(format, Format::F32 | Format::F16) {
                continue;
            }
            prop_assert_eq!(expected.unwrap(), summed_in_order(&kept, &x, inputs), "{:?}", format);
        }
    }

    #[test]
    fn rounding_twice_is_rounding_once(weights in proptest::collection::vec(-2f32..2.0, 1..80)) {
        for format in FORMATS {
            let mut once = weights.clone();
            round_trip_row(format, &mut once);
            let mut twice = once.clone();
            round_trip_row(format, &mut twice);
            prop_assert_eq!(&once, &twice);
            let largest = weights.iter().fold(0f32, |max, x| max.max(x.abs()));
            let unit = match format {
                Format::F32 => 0.0,
                Format::F16 => largest / 2048.0,
                Format::Bf16 => largest / 256.0,
                Format::Int8 => largest / 253.0,
                // The largest divisor is 9.625, and the smallest integer -7 or -8.
                Format::Int4 => largest * 0.28,
            };
            for (once, weight) in once.iter().zip(&weights) {
                prop_assert!((once - weight).abs() <= unit);
            }
        }
    }
}

/// Numbers that are not finite stay visible in the result, so that sampling can refuse them.
#[test]
fn a_row_that_is_not_finite_has_no_finite_outputs() {
    let shape = Shape {
        outputs: 33,
        inputs: 70,
    };
    let weights = mixed(1, shape.outputs * shape.inputs);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut x = mixed(2, 3 * shape.inputs);
        x[shape.inputs + 5] = bad;
        for isa in Isa::all() {
            for format in FORMATS {
                let mut cpu = cpu(isa, 1);
                let matrix = pack(&mut cpu, format, shape, &weights);
                let out = product(
                    &mut cpu,
                    &matrix,
                    &rows_of(&x, shape.inputs),
                    Epilogue::Store,
                );
                let finite = |row: usize| out.row(row).iter().filter(|x| x.is_finite()).count();
                let found = [0, 1, 2].map(finite);
                assert_eq!(found, [33, 0, 33], "{bad} {} {format:?}", isa.name());
            }
        }
    }
}

/// Finite numbers of all magnitudes, including those whose scale is subnormal.
fn of_all_sizes() -> impl Strategy<Value = Vec<f32>> {
    let number = (-1f32..1.0, -150i32..126).prop_map(|(x, exponent)| x * 2f32.powi(exponent));
    proptest::collection::vec(prop_oneof![number, -1f32..1.0, Just(0.0)], 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 200 }))]

    /// `quantise` gives the values that a matrix stores, and quantising them again changes nothing.
    #[test]
    fn quantise_agrees_with_the_matrix_and_is_idempotent(weights in of_all_sizes()) {
        let inputs = weights.len();
        let mut whole = vec![0; inputs];
        let scale = quantise(&weights, &mut whole);
        prop_assert!(whole.iter().all(|q| (-127..=127).contains(q)));
        let back: Vec<f32> = whole.iter().map(|q| f32::from(*q) * scale).collect();

        let mut kept = weights.clone();
        round_trip_row(Format::Int8, &mut kept);
        prop_assert_eq!(&kept, &back);
        let mut again = vec![0; inputs];
        let same = quantise(&back, &mut again);
        prop_assert_eq!((same.to_bits(), &again), (scale.to_bits(), &whole));
        for isa in Isa::all() {
            let shape = Shape { outputs: 1, inputs };
            for weights in [&weights, &back] {
                let matrix = pack(&mut cpu(isa, 1), Format::Int8, shape, weights);
                let mut read = vec![0.0; inputs];
                matrix.read_row(0, &mut read);
                prop_assert_eq!(&read, &back, "{}", isa.name());
            }
        }
    }
}

/// The products of an f16 scale and integers from -8 to 7.
fn int4_groups() -> impl Strategy<Value = Vec<f32>> {
    let scale = (0u16..0x7c00, any::<bool>());
    (scale, proptest::collection::vec(-8i8..8, 32)).prop_map(|((bits, is_negative), quants)| {
        let scale = half::f16::from_bits(bits).to_f32();
        let scale = if is_negative { -scale } else { scale };
        quants.into_iter().map(|q| scale * f32::from(q)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 500 }))]

    /// Values that int4 can represent, such as those of GGUF's Q4_0, are kept.
    #[test]
    fn int4_keeps_products_of_a_scale_and_integers(weights in int4_groups()) {
        let mut quants = [0; 32];
        let scale = quantise_group(&weights, &mut quants);
        let back = quants.map(|q| f32::from(q) * scale.to_f32());
        prop_assert_eq!(&back[..], &weights[..]);
    }

    /// `quantise_group` gives the values that a matrix stores, and quantising them again gives the
    /// same integers and the same scale.
    #[test]
    fn quantise_group_agrees_with_the_matrix_and_is_idempotent(
        weights in proptest::collection::vec(-1f32..1.0, 1..33),
        exponent in -30i32..18,
    ) {
        let weights: Vec<f32> = weights.iter().map(|x| x * 2f32.powi(exponent)).collect();
        let inputs = weights.len();
        let mut quants = vec![0; inputs];
        let scale = quantise_group(&weights, &mut quants);
        prop_assert!(quants.iter().all(|q| (-8..8).contains(q)));
        let back: Vec<f32> = quants.iter().map(|q| f32::from(*q) * scale.to_f32()).collect();
        let mut again = vec![0; inputs];
        let same = quantise_group(&back, &mut again);
        prop_assert_eq!((same.to_bits(), &again), (scale.to_bits(), &quants));
        for isa in Isa::all() {
            let shape = Shape { outputs: 1, inputs };
            for weights in [&weights, &back] {
                let matrix = pack(&mut cpu(isa, 1), Format::Int4, shape, weights);
                let mut read = vec![0.0; inputs];
                matrix.read_row(0, &mut read);
                prop_assert_eq!(&read, &back, "{}", isa.name());
            }
        }
    }
}

#[test]
fn swiglu_follows_its_formula() {
    let (hidden, inputs, rows) = (40, 24, 5);
    // Panels of 32 gates and of 32 values alternate; the last of each has only 8 rows.
    let gates = mixed(1, hidden * inputs);
    let values = mixed(2, hidden * inputs);
    let mut both = Vec::new();
    for panel in 0..2 {
        for part in [&gates, &values] {
            let mut rows = vec![0.0; 32 * inputs];
            let from = &part[panel * 32 * inputs..];
            let n = from.len().min(rows.len());
            rows[..n].copy_from_slice(&from[..n]);
            both.extend(rows);
        }
    }
    let x = mixed(3, rows * inputs);
    for isa in Isa::all() {
        let mut cpu = cpu(isa, 2);
        let matrix = pack(
            &mut cpu,
            Format::F32,
            Shape {
                outputs: 128,
                inputs,
            },
            &both,
        );
        let x_rows = rows_of(&x, inputs);
        let found = product(&mut cpu, &matrix, &x_rows, Epilogue::SwiGlu);
        for row in 0..rows {
            let dot = |weights: &[f32], output: usize| -> f64 {
                let weights = &weights[output * inputs..(output + 1) * inputs];
                let x = &x[row * inputs..(row + 1) * inputs];
                x.iter()
                    .zip(weights)
                    .map(|(x, w)| f64::from(*x) * f64::from(*w))
                    .sum()
            };
            for output in 0..hidden {
                let gate = dot(&gates, output);
                let expected = gate / (1.0 + (-gate).exp()) * dot(&values, output);
                let found = f64::from(found.row(row)[output]);
                assert!(
                    (found - expected).abs() < 1e-6 * (1.0 + expected.abs()),
                    "{found} instead of {expected}"
                );
            }
            assert_eq!(found.row(row)[hidden..], [0.0; 24]);
        }
    }
}

/// Tile registers are used from 32 rows, in tiles of at most 16, of which the last can have fewer;
/// blocks of 64 inputs can be even or odd in number, and the last can be partial.
#[test]
fn int8_has_the_same_bits_for_every_number_of_rows_and_partial_tile() {
    let all_rows: &[usize] = if cfg!(miri) {
        &[33]
    } else {
        &[31, 32, 33, 47, 48, 63, 100]
    };
    for inputs in [64, 128, 150, 193] {
        for epilogue in [Epilogue::Store, Epilogue::Add, Epilogue::SwiGlu] {
            let shape = Shape {
                outputs: 128,
                inputs,
            };
            let weights = mixed(inputs, shape.outputs * inputs);
            let x = mixed(3, 100 * inputs);
            let mut reference = cpu(Isa::all().pop().unwrap(), 1);
            let matrix = pack(&mut reference, Format::Int8, shape, &weights);
            let expected = product(&mut reference, &matrix, &rows_of(&x, inputs), epilogue);
            let expected = bits(&expected);
            let width = expected.len() / 100;
            for isa in Isa::all() {
                let mut cpu = cpu(isa, 2);
                let matrix = pack(&mut cpu, Format::Int8, shape, &weights);
                for rows in all_rows {
                    let x = head(&x, inputs, 0, *rows);
                    let found = bits(&product(&mut cpu, &matrix, &x, epilogue));
                    assert_eq!(found, expected[..rows * width], "{} {rows}", isa.name());
                }
            }
        }
    }
}
