# Stop when the deciding score has not become better by 0.001 for five validations. With a schedule that lowers its rate
# late, five must not end before that.
recipe_early_stopping = dict(hook=dict(type="ResumableEarlyStoppingHook", patience=5, min_delta=0.001))
