"""Long tests that `make test` leaves to `make test-slow`, since shorter ones beside them go the same way.

Beside these there are the marks of whole files in tests/slow, and the cells of the table of checks
(`helpers.conformance.is_slow`).
"""

from __future__ import annotations

# What the name of a test ends with or holds -> what of the default tests goes the same way.
LEFT_OUT = {
    "test_every_step_of_the_compiled_job_runs_through_tfxs_entry_point_and_pushes": "the golden files, and test_run",
    "test_changed_code_is_never_served_from_the_cache": "test_fingerprint: which step a changed line reaches",
    "test_an_export_that_differs_from_what_was_evaluated_is_not_blessed": "test_serving and test_gate",
    "test_an_encoder_of_ours[False-": "the same files with branches, [True-",
    "test_an_encoder_of_ours[True-saved_model]": "test_an_export_of_ours",
    "test_an_encoder_of_ours[True-classifier_saved_model]": "test_an_export_of_ours",
    "test_a_network_of_keras[m.weights.h5": "[m.keras",
    "test_every_command_works_without_what_windows_lacks": "test_run_log, system by system",
    "test_a_classifier_on_it_is_saved_by_itself_and_by_a_callback[of keras": "[plain norm] and [branches]",
    "test_drawing_leaves_the_backend_of_a_notebook[None]": "[svg]",
    "test_own_arrays": "test_own_folder",
    "test_read_an_export": "test_export, how it is read",
    "test_fine_tuning_keeps_the_bands_and_the_rule_of_the_run": "test_named_bands and test_finetuning",
    "test_a_network_of_keras[m.h5": "[m.keras",
    "test_a_run_and_its_export_in_a_folder_whose_name_is_a_pattern[b[0]": "[b[0.1]]",
    "test_a_run_and_its_export_in_a_folder_whose_name_is_a_pattern[b?*{1}]": "[b[0.1]]",
    "test_a_file_whose_name_is_a_pattern[saved[1]]": "the files of the same test",
    "test_another_shape_is_told_with_the_first_tensor_that_differs[saved_model]": "the files of the same test",
    "test_the_command_line_leaves_with_the_shells_own_code[Signals.SIGINT": "[Signals.SIGTERM",
    "names_what_this_method_takes[LooC-overrides1": "the other two of the same test",
    "names_what_this_method_takes[SimCLR": "test_every_method: what each refuses",
    "test_finetune_and_low_label": "test_finetuning, command and result",
    "test_the_command_line_chooses_threads_and_devices[option1]": "[option0]",
    "test_drawing_leaves_the_backend_of_a_notebook[template]": "[svg]",
    "test_from_nothing_right_a_model_can_only_rise[others1]": "[others0]",
    "test_killed_before_the_best_weights_are_saved_it_is_no_other[all steps]": "[ended early]",
    "test_killed_and_resumed_it_ends_in_the_same_bits[7]": "[4]",
    "test_its_network_is_a_model_of_keras[saved_model]": "[final.keras]",
    "test_every_command_works_in_a_folder_of_any_name[-it's": "the other name of the same test",
    "as_the_evaluator_read_it[color]": "[trunk] and [all+rotation]",
    "as_the_evaluator_read_it[concat]": "[trunk] and [all+rotation]",
    "test_no_steps_keep_the_random_weights[constant]": "[step]",
    "test_keras[InceptionResNetV2]": "the other networks of the same test",
    "test_keras[NASNetMobile]": "the other networks of the same test",
    "test_a_run_compiled_or_in_mixed_precision_has_the_losses_of_a_plain_one[xla=true]": "the table's row of XLA",
    "in_mixed_precision_has_the_losses_of_a_plain_one[precision=mixed_float16": "[mixed_bfloat16]",
    "test_what_is_packed_is_the_same[table]": "[folder], and test_labels",
    "test_weights_are_saved_and_come_back[looc_2-w.h": "[looc++-w.h5] and [looc++-w.hdf5]",
    "test_weights_are_saved_and_come_back[looc_2-folder": "[looc++-folder/w]",
    "test_weights_are_saved_and_come_back[simclr-w.h": "[looc++-w.h5] and [looc++-w.hdf5]",
    "test_weights_are_saved_and_come_back[simclr-folder": "[looc++-folder/w]",
    "test_weights_are_saved_and_come_back[supervised-w.h": "[looc++-w.h5] and [looc++-w.hdf5]",
    "test_weights_are_saved_and_come_back[supervised-folder": "[looc++-folder/w]",
    "test_what_is_handed_out_is_saved_and_loaded_to_equal_bits[mixed_bfloat16-0.0-": "[mixed_bfloat16-1.0-",
    "test_what_is_handed_out_is_saved_and_loaded_to_equal_bits[float32-1.0-": "[float32-0.0-",
    "test_no_steps_keep_the_random_weights[cosine]": "[step]",
    "test_keras[EfficientNetV2B0]": "the other networks of the same test",
    "test_keras[ResNetRS50]": "the other networks of the same test",
    "test_keras_cv[CSPDarkNetBackbone]": "the other networks of the same test",
}
# Configs whose first losses are compared by default: one for each method, each backbone and each kind of views.
GOLDEN = (
    "factors/looc factors/moco cifar10/looc-rotation cifar10/simclr-multicrop cifar10/simclr-looc-rotation "
    "cifar10/byol-looc-rotation cifar10/simsiam cifar10/swav cifar10/dino-looc-rotation grocery/looc-color-rotation "
    "imagenet/byol imagenet/swav imagenet100/looc++ imagenet100/moco-rotation-same imagenet100/supervised"
).split()


def is_left_out(name: str) -> bool:
    """Whether a test, by its node id, is left to `make test-slow`."""
    if "test_first_losses[" in name:
        return name.partition("[")[2].rstrip("]") not in GOLDEN
    return any(part in name for part in LEFT_OUT)
