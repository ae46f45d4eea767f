"""What tests share: the tables of methods and of checks, slow twins, tiny trainings, hostile files."""
