package secrets

import (
	"os"
	"path/filepath"
)

// WriteNew writes a file that only its owner may read (0600). If there is such
// a file already, it stays and the error is fs.ErrExist. The content is whole
// and on disk before it has its name, so that a crash leaves all or nothing.
func WriteNew(file string, content []byte) (err error) {
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.Remove(f.Name()); err == nil {
			err = removeErr
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	// Unlike a rename, a link never replaces.
	if err := os.Link(f.Name(), file); err != nil {
		return err
	}
	return syncDir(dir)
}
