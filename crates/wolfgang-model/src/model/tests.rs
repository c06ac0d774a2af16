use super::*;

fn tiny() -> ModelConfig {
    ModelConfig {
        n_layer: 2,
        n_embd: 20,
        vocab_size: 30,
        block_size: 8,
        ..ModelConfig::default()
    }
}

/// Pseudorandom numbers between -1 and 1, different for each position and parameter.
#[expect(clippy::unnecessary_wraps, reason = "`from_weights` requires it")]
fn mixed(parameter: &Parameter) -> Result<RowReader<'static, ModelError>, ModelError> {
    let (name, width) = (parameter.name.clone(), parameter.width());
    Ok(Box::new(move |rows, weights| {
        let first = name.bytes().map(usize::from).sum::<usize>() + rows.start * width;
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = ((first + i) as f32 * 1.7).sin();
        }
        Ok(())
    }))
}

/// More rows than a forward pass of either implementation, in a shape that fills no panel and no
/// vector.
#[test]
fn kernels_and_burn_agree_and_prefill_in_chunks_equals_prefill() {
    let config = ModelConfig {
        block_size: 2 * crate::transformer::PREFILL_ROWS + 9,
        n_head: 2,
        n_kv_head: 1,
        ..tiny()
    };
    let ids: Vec<u32> = (0..config.block_size as u32).map(|i| i * 7 % 30).collect();
    let mut all = Vec::new();
    for use_burn_ops in [true, false] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&config, &Device::flex(), options, mixed).unwrap();
        let whole = model.forward(&ids).unwrap();
        assert_eq!(whole.len(), ids.len() * config.vocab_size);
        let mut cache = model.new_cache().unwrap();
        let last = model.forward_cached(&ids, &mut cache).unwrap();
        assert_eq!(cache.len(), ids.len());
        cache.clear();
        let mut rows = Vec::new();
        for ids in [&ids[..7], &ids[7..]] {
            let entry = BatchEntry::new(ids, &mut cache).with_n_logits(usize::MAX);
            rows.extend(model.forward_batch(&mut [entry]).unwrap().remove(0));
        }
        assert_eq!(cache.len(), ids.len());
        all.push((whole, last, rows));
    }
    let scale = scale(&all[0].0);
    for (whole, last, rows) in &all {
        let of_last = &whole[whole.len() - config.vocab_size..];
        for (found, expected) in [(whole, &*all[0].0), (rows, whole), (last, of_last)] {
            let apart = apart(found, expected);
            assert!(
                scale > 0.0 && apart <= 1e-4 * scale,
                "{apart} apart at scale {scale}"
            );
        }
    }
    let (whole, last, rows) = &all[1];
    assert!(whole == rows, "kernels agree bit for bit");
    assert!(
        whole.ends_with(last),
        "kernels agree bit for bit on the last"
    );
}

fn scale(logits: &[f32]) -> f32 {
    logits.iter().fold(0.0, |max, x| max.max(x.abs()))
}

/// The largest difference.
fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |max, (a, b)| max.max((a - b).abs()))
}

#[test]
fn a_cache_in_f16_changes_logits_by_rounding_only() {
    let logits = |cache| {
        let options = ModelOptions {
            cache,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, mixed).unwrap();
        let mut cache = model.new_cache().unwrap();
        model.forward_cached(&[3, 1, 4, 1, 5], &mut cache).unwrap()
    };
    let [default, f32, f16] = [None, Some(Precision::F32), Some(Precision::F16)].map(logits);
    assert_eq!(default, f32);
    let (scale, apart) = (scale(&f32), apart(&f16, &f32));
    assert!(
        apart > 0.0 && apart <= 2e-3 * scale,
        "{apart} apart at scale {scale}"
    );
}

#[test]
fn an_error_of_a_reader_is_returned() {
    for (bad, use_burn_ops) in [
        ("norm.weight", false),
        ("norm.weight", true),
        ("layers.1.attention.wv.weight", false),
        ("layers.1.attention.wv.weight", true),
    ] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let open = |parameter: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
            let fails = parameter.name == bad;
            Ok(Box::new(move |_, _| {
                if fails {
                    Err(ModelError::NoIds)
                } else {
                    Ok(())
                }
            }))
        };
        let error = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, open);
        assert_eq!(error.unwrap_err(), ModelError::NoIds);
    }
}

#[test]
fn chunks_without_logits_change_no_logits_of_others_or_of_the_next_chunk() {
    for use_burn_ops in [false, true] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, mixed);
        let model = model.unwrap();
        let [mut chunked, mut other, mut whole, mut alone] =
            [(); 4].map(|()| model.new_cache().unwrap());
        let logits = model.forward_batch(&mut [
            BatchEntry::new(&[1, 2, 3], &mut chunked).with_n_logits(0),
            BatchEntry::new(&[7], &mut other),
        ]);
        let expected = model.forward_cached(&[7], &mut alone).unwrap();
        assert_eq!(logits.unwrap(), [vec![], expected]);
        assert_eq!(chunked.len(), 3);
        let last = model.forward_cached(&[4], &mut chunked).unwrap();
        let expected = model.forward_cached(&[1, 2, 3, 4], &mut whole).unwrap();
        if use_burn_ops {
            let close = last
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "{last:?} {expected:?}");
        } else {
            assert_eq!(last, expected);
        }
    }
}

/// The needed rows of a sequence may begin in any pass, and other sequences may share the last one.
#[test]
fn logits_of_the_last_ids_are_those_of_the_whole() {
    let config = ModelConfig {
        block_size: 2 * crate::transformer::PREFILL_ROWS + 9,
        ..tiny()
    };
    let ids: Vec<u32> = (0..config.block_size as u32).map(|i| i * 7 % 30).collect();
    for use_burn_ops in [false, true] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&config, &Device::flex(), options, mixed).unwrap();
        let whole = model.forward(&ids).unwrap();
        for n_logits in [0, 1, 2, 9, 10, 300, ids.len()] {
            let [mut long, mut short] = [(); 2].map(|()| model.new_cache().unwrap());
            let batch = &mut [
                BatchEntry::new(&ids, &mut long).with_n_logits(n_logits),
                BatchEntry::new(&ids[..3], &mut short).with_n_logits(2),
            ];
            let logits = model.forward_batch(batch).unwrap();
            let width = config.vocab_size;
            let expected = [
                &whole[whole.len() - n_logits * width..],
                &whole[width..3 * width],
            ];
            for (found, expected) in logits.iter().zip(expected) {
                let limit = if use_burn_ops {
                    1e-4 * scale(&whole)
                } else {
                    0.0
                };
                assert!(apart(found, expected) <= limit, "{n_logits}");
            }
        }
    }
}
