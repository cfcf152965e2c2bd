"""`cqar-reconciler`: the process that keeps up with the venues by itself.

Each venue is asked on its own schedule; its answers are kept, read, planned and applied by the
importer's own function. Its state on disk may be lost at any time: that costs a repeated round,
never a wrong fact.

config         settings
round_schedule when a venue is asked next
venue_state    what is noted of each venue, in a file of its own
state_folder   one process a folder; files are replaced whole
answer_store   the answers that venues gave, compressed, bounded
round_index    which round had which answers
kept_rounds    what is kept, to read
kept_answers   the commands for it
form_watch     fields that vanish from answers, or change their type, as findings
rounds         one round of one venue, from its requests to its report
round_loop     which venue is next, and rounds beside each other
round_metrics  what rounds tell, as metrics
side_loops     what runs beside the rounds
metrics        everything it measures
app            makes every object once, and runs the process
console_script the program
"""

__all__ = ["app", "config", "kept_rounds", "round_index", "rounds"]
