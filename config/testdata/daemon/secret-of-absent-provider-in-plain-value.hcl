data_dir = secret("vault://kv/flowcatalyst#dir")
