"""The `handeye` command's sub-commands; each module is imported when it is called."""
